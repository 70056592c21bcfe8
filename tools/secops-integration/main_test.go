package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/okta-secops/internal/secops"
)

// chronicle is the Chronicle API, as far as install uses it.
type chronicle struct {
	t         *testing.T
	installed bool
	staging   []any
	methods   []string
	fail      map[string]int // status by method
	lost      bool           // the import does nothing
	refused   bool           // the import reports that it failed
}

func (c *chronicle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const parent = "/upload/v1beta/projects/soc/locations/eu/instances/0f-1/integrations:"
	method, ok := strings.CutPrefix(r.URL.Path, parent)
	if !ok || r.Method != http.MethodPost || r.URL.RawQuery != "uploadType=multipart" || r.Header.Get("Authorization") != "Bearer token" {
		c.t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	c.methods = append(c.methods, method)
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" {
		c.t.Error(kind, err)
	}
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	var metadata map[string]any
	if p, err := parts.NextPart(); err != nil || json.NewDecoder(p).Decode(&metadata) != nil {
		c.t.Error(err)
	}
	c.staging = append(c.staging, metadata["staging"])
	p, err := parts.NextPart()
	if err != nil {
		c.t.Fatal(err)
	}
	archive, err := io.ReadAll(p)
	if err != nil {
		c.t.Error(err)
	}
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		c.t.Error(err)
	}
	if status := c.fail[method]; status != 0 {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error": {"code": %d, "message": "Chronicle says %d"}}`, status, status)
		return
	}
	switch method {
	case "extractIntegrationDetails":
		var actions []string
		for _, f := range files.File {
			if name, ok := strings.CutPrefix(f.Name, "ActionsScripts/"); ok {
				actions = append(actions, name)
			}
		}
		reply := map[string]any{"integrationIdentifier": secops.Identifier, "version": "1.0", "actions": actions}
		if c.installed {
			reply["existingIntegration"] = map[string]any{"version": 1.0}
		}
		_ = json.NewEncoder(w).Encode(reply)
	case "import":
		c.installed = c.installed || !c.lost && !c.refused
		if c.refused {
			_, _ = io.WriteString(w, `{"isSuccessful": false, "message": "the package is broken"}`)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}
}

type bearer struct{ http.RoundTripper }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer token")
	return b.RoundTripper.RoundTrip(r)
}

func TestInstall(t *testing.T) {
	newClient = func(context.Context) (*http.Client, error) {
		return &http.Client{Transport: bearer{http.DefaultTransport}}, nil
	}
	valid := []string{"install", "-root", "../..", "-project", "soc", "-location", "eu", "-instance", "0f-1"}
	for name, c := range map[string]struct {
		fails   bool
		api     chronicle
		flags   []string
		want    []string // of the output or the error
		methods string
	}{
		"preview":          {false, chronicle{}, nil, []string{"package    OktaSecOps 1.0 with 35 actions", "installed  no version", "Nothing was imported. Add -yes"}, "extractIntegrationDetails"},
		"preview, there":   {false, chronicle{installed: true}, nil, []string{"installed  version 1\n"}, "extractIntegrationDetails"},
		"import":           {false, chronicle{}, []string{"-yes"}, []string{"imported   version 1\n", "docs/secops.md"}, "extractIntegrationDetails import extractIntegrationDetails"},
		"staging":          {false, chronicle{}, []string{"-yes", "-staging"}, []string{"imported"}, "extractIntegrationDetails import extractIntegrationDetails"},
		"not imported":     {true, chronicle{lost: true}, []string{"-yes"}, []string{"the instance does not list the integration"}, "extractIntegrationDetails import extractIntegrationDetails"},
		"refused":          {true, chronicle{refused: true}, []string{"-yes"}, []string{`did not import the package: "the package is broken"`}, "extractIntegrationDetails import"},
		"not signed in":    {true, chronicle{fail: map[string]int{"extractIntegrationDetails": 401}}, []string{"-yes"}, []string{"returned 401", `"Chronicle says 401"`, "gcloud auth application-default login"}, "extractIntegrationDetails"},
		"no permission":    {true, chronicle{fail: map[string]int{"import": 403}}, []string{"-yes"}, []string{"import for projects/soc/locations/eu/instances/0f-1 returned 403", "chronicle.integrations.import"}, "extractIntegrationDetails import"},
		"unknown instance": {true, chronicle{fail: map[string]int{"extractIntegrationDetails": 404}}, nil, []string{"returned 404", "check -project, -location and -instance"}, "extractIntegrationDetails"},
		"conflict":         {true, chronicle{fail: map[string]int{"import": 409}}, []string{"-yes"}, []string{"returned 409", "another import runs"}, "extractIntegrationDetails import"},
		"gateway":          {true, chronicle{fail: map[string]int{"import": 503}}, []string{"-yes"}, []string{"returned 503", "the import may go on"}, "extractIntegrationDetails import"},
		"server error":     {true, chronicle{fail: map[string]int{"import": 500}}, []string{"-yes"}, []string{"returned 500"}, "extractIntegrationDetails import"},
	} {
		t.Run(name, func(t *testing.T) {
			api := c.api
			api.t = t
			server := httptest.NewServer(&api)
			defer server.Close()
			var out strings.Builder
			err := run(t.Context(), append(append([]string{}, valid...), append(c.flags, "-endpoint", server.URL)...), &out)
			text := out.String() + fmt.Sprint(err)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in %s", want, text)
				}
			}
			if (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			if got := strings.Join(api.methods, " "); got != c.methods {
				t.Errorf("methods %s, want %s", got, c.methods)
			}
			for _, staging := range api.staging {
				if staging != (name == "staging") {
					t.Errorf("staging is %v", staging)
				}
			}
		})
	}
}

func TestInstall_Mistakes(t *testing.T) {
	newClient = func(context.Context) (*http.Client, error) { t.Error("a client was made"); return nil, nil }
	for arguments, want := range map[string]string{
		"install":              " must be the ",
		"install -project p/x": " must be the ",
		"install -project p -location eu -instance i -endpoint http://acme.test": `-endpoint is "http://acme.test", must be an https URL`,
		"install extra": `unknown argument "extra"`,
		"importe":       `unknown command "importe"; the command is install`,
		"-x":            "flag provided but not defined",
	} {
		if err := run(t.Context(), strings.Fields(arguments), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", arguments, err, want)
		}
	}
}

// TestWrite_RemovesFilesOfRemovedActions writes the source form over an older one.
func TestWrite_RemovesFilesOfRemovedActions(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "secops"), os.DirFS("../../secops")); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(root, "secops", "okta_secops", "actions", "old_action.py")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"-root", root}, &out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("%s: %v", old, err)
	}
	if _, err := os.Stat(filepath.Join(root, "dist", secops.PackageName)); err != nil || !strings.Contains(out.String(), secops.PackageName) {
		t.Errorf("%v %s", err, out.String())
	}
}
