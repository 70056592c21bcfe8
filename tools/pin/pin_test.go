package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const index = `{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}`

// hub is a registry that wants an anonymous token, as Docker Hub does.
func hub(t *testing.T, manifest func(w http.ResponseWriter)) (name string, requests *[]string) {
	t.Helper()
	const scope = "repository:library/golang:pull"
	requests = new([]string)
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r.URL.Path)
		switch {
		case r.URL.Path == "/token" && r.FormValue("scope")+r.FormValue("service") == scope+"hub":
			fmt.Fprint(w, `{"token": "anonymous"}`)
		case r.Header.Get("Authorization") != "Bearer anonymous":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="hub",scope=%q`, server.URL+"/token", scope))
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v2/library/golang/manifests/1.26.8-bookworm" && slices.Equal(r.Header["Accept"], manifestTypes):
			manifest(w)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/library/golang", requests
}

func TestDigest_IsOfTheManifestThatTheTagNames(t *testing.T) {
	t.Parallel()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(index)))
	for name, test := range map[string]struct {
		tag      string
		manifest func(w http.ResponseWriter)
		want     string // an error that has this text; "": the digest
	}{
		"named by the registry": {"1.26.8-bookworm", func(w http.ResponseWriter) {
			w.Header().Set("Docker-Content-Digest", digest)
			_, _ = io.WriteString(w, index)
		}, ""},
		"not named": {"1.26.8-bookworm", func(w http.ResponseWriter) { _, _ = io.WriteString(w, index) }, ""},
		"of other data": {"1.26.8-bookworm", func(w http.ResponseWriter) {
			w.Header().Set("Docker-Content-Digest", digest)
			_, _ = io.WriteString(w, index+" ")
		}, "names the digest"},
		"a login page": {"1.26.8-bookworm", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, "check any proxy"},
		"unknown tag":  {"0.0.0", nil, "check the name and the tag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository, _ := hub(t, test.manifest)
			g := registry{client: http.DefaultClient, scheme: "http"}
			got, err := g.digest(t.Context(), reference{name: repository, tag: test.tag})
			if test.want == "" && (err != nil || got != digest) {
				t.Errorf("%s, %v", got, err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s, %v; want an error with %q", got, err, test.want)
			}
		})
	}
}

func TestReference_NamesTheRegistry(t *testing.T) {
	t.Parallel()
	for image, want := range map[string][2]string{
		"golang:1.26.8":                 {"registry-1.docker.io", "library/golang"},
		"hashicorp/terraform:1.11.4":    {"registry-1.docker.io", "hashicorp/terraform"},
		"gcr.io/google.com/sdk/cli:1":   {"gcr.io", "google.com/sdk/cli"},
		"localhost:5000/a:1":            {"localhost:5000", "a"},
		"europe-docker.pkg.dev/p/r/i:1": {"europe-docker.pkg.dev", "p/r/i"},
	} {
		r, err := parse(image)
		if err != nil {
			t.Fatal(err)
		}
		if host, path := r.host(); [2]string{host, path} != want || r.String() != image {
			t.Errorf("%s is %s at %s", r, path, host)
		}
	}
	for _, image := range []string{"", "golang@sha256:12", "golang@md5:0123", "golang:$_TAG"} {
		if r, err := parse(image); err == nil {
			t.Errorf("%q is accepted as %v", image, r)
		}
	}
}

// versions.tf and a lock file as terraform providers lock writes it.
const (
	versions = "terraform {\n  required_providers {\n    google = {\n      source  = \"hashicorp/google\"\n    }\n  }\n}\n"
	locked   = "# This file is maintained automatically.\n\nprovider \"registry.terraform.io/hashicorp/google\" {\n" +
		"  version     = \"7.45.0\"\n  constraints = \">= 7.45.0, < 8.0.0\"\n  hashes = [\n" +
		"    \"h1:tuMqVZkvW7Rlwsgkzm7ZyLHmLHKwkFuxkDTkjbyNb3U=\",\n  ]\n}\n"
)

// repository returns a repository with this build configuration and, unless it is empty, this lock
// file.
func repository(t *testing.T, build, lock string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"cloudbuild.yaml": build, "terraform/versions.tf": versions, "terraform/" + lockFile: lock}
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPin_WritesDigestsAndLock(t *testing.T) {
	t.Parallel()
	name, requests := hub(t, func(w http.ResponseWriter) { _, _ = io.WriteString(w, index) })
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(index)))
	old := "sha256:" + strings.Repeat("0", 64)
	layout := "steps:\n  - id: a # kept\n    name: %s\n    volumes: [{ name: tools, path: /tools }]\n  - name: %s\n"
	dir := repository(t, fmt.Sprintf(layout, name+":1.26.8-bookworm", name+"@"+old+" # 1.26.8-bookworm"), "")
	var commands []string
	p := pinner{dir: dir, out: io.Discard, registry: registry{client: http.DefaultClient, scheme: "http"}}
	p.run = func(_ context.Context, _ io.Writer, dir, name string, args ...string) error {
		commands = append(commands, name+" "+strings.Join(args, " "))
		if args[len(args)-1] == "get" {
			return nil
		}
		return os.WriteFile(filepath.Join(dir, "terraform", lockFile), []byte(locked), 0o600)
	}
	if err := p.pin(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "cloudbuild.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	line := name + "@" + digest + " # 1.26.8-bookworm"
	if diff := cmp.Diff(fmt.Sprintf(layout, line, line), string(got)); diff != "" {
		t.Error(diff)
	}
	if len(*requests) != 3 { // challenge, token, manifest; the second step has the same image
		t.Errorf("requests: %v", *requests)
	}
	lock := "terraform -chdir=terraform providers lock -platform=linux_amd64 -platform=linux_arm64" +
		" -platform=darwin_amd64 -platform=darwin_arm64 -platform=windows_amd64"
	if diff := cmp.Diff([]string{"terraform -chdir=terraform get", lock}, commands); diff != "" {
		t.Error(diff)
	}
}

func TestPin_FailsIfTerraformFails(t *testing.T) {
	t.Parallel()
	p := pinner{dir: repository(t, "steps:\n  - name: golang:1.26.8\n", ""), out: io.Discard}
	p.registry.client = &http.Client{Transport: refuse{}}
	if err := p.pin(t.Context()); err == nil || !strings.Contains(err.Error(), "registry-1.docker.io") {
		t.Errorf("%v", err)
	}
	name, _ := hub(t, func(w http.ResponseWriter) { _, _ = io.WriteString(w, index) })
	p = pinner{dir: repository(t, "steps:\n  - name: "+name+":1.26.8-bookworm\n", ""), out: io.Discard}
	p.registry = registry{client: http.DefaultClient, scheme: "http"}
	p.run = func(context.Context, io.Writer, string, string, ...string) error { return errors.New("no network") }
	if err := p.pin(t.Context()); err == nil || err.Error() != "no network" {
		t.Errorf("%v", err)
	}
}

type refuse struct{}

func (refuse) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

func TestCheck_ReportsWhatIsNotPinned(t *testing.T) {
	t.Parallel()
	pinned := "steps:\n  - name: golang@sha256:" + strings.Repeat("1", 64) + "\n"
	unhashed := "provider \"registry.terraform.io/hashicorp/google\" {\n  version = \"7.45.0\"\n}\n"
	for name, test := range map[string]struct {
		build, lock string
		want        []string // none: it passes
	}{
		"all pinned":        {pinned, locked, nil},
		"a tag":             {"steps:\n  - name: golang:1.2\n", locked, []string{"yaml: the image golang:1.2 has"}},
		"no tag":            {"steps:\n  - name: golang\n", locked, []string{"the image golang has no digest"}},
		"in another layout": {"steps: [{name: golang:1.26.8}]\n", locked, []string{"the image golang:1.26.8 has no digest"}},
		"a short digest":    {"steps:\n  - name: golang@sha256:1234\n", locked, []string{"64 hexadecimal digits"}},
		"one of two":        {pinned + "  - name: b:2\n", locked, []string{"the image b:2 has no digest"}},
		"no lock file":      {pinned, "", []string{"terraform/.terraform.lock.hcl does not exist"}},
		"an empty lock":     {pinned, "# empty\n", []string{"no version or no hash of the provider hashicorp/google"}},
		"no hashes": {pinned, unhashed,
			[]string{"no version or no hash"}},
		"both":     {"steps:\n  - name: b:2\n", "", []string{"b:2 has no digest", "does not exist", "go run ./tools/pin"}},
		"no steps": {"substitutions: {}\n", locked, []string{"it has no steps"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := pinner{dir: repository(t, test.build, test.lock)}.check()
			if (err == nil) != (len(test.want) == 0) {
				t.Errorf("%v", err)
			}
			for _, want := range test.want {
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwithout %q", err, want)
				}
			}
		})
	}
	if err := (pinner{dir: t.TempDir()}).check(); err == nil || !strings.Contains(err.Error(), "-dir") {
		t.Errorf("a directory without build configurations: %v", err)
	}
}

func TestRewrite_RefusesWhatItWouldLeave(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]string{
		"another layout":         "steps: [{name: golang:1.26.8}]\n",
		"no tag":                 "steps:\n  - name: golang\n",
		"a digest without a tag": "steps:\n  - name: golang@sha256:" + strings.Repeat("1", 64) + "\n",
	} {
		resolve := func(reference) (string, error) { return "sha256:" + strings.Repeat("2", 64), nil }
		if after, err := rewrite([]byte(build), resolve); err == nil {
			t.Errorf("%s: %s", name, after)
		}
	}
}

// TestCheck_ReadsTheProjectsFiles: the check sees every step of the real build configurations.
func TestCheck_ReadsTheProjectsFiles(t *testing.T) {
	t.Parallel()
	p := pinner{dir: "../.."}
	files, err := p.pipelines()
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		digest := "sha256:" + strings.Repeat("a", 64)
		after, err := rewrite(text, func(reference) (string, error) { return digest, nil })
		if err != nil {
			t.Fatal(err)
		}
		all, err := images(after)
		if err != nil || len(all) != strings.Count(string(text), "\n  - id: ") {
			t.Errorf("%s: %d images, %v", file, len(all), err)
		}
		for _, image := range all {
			if image.digest != digest {
				t.Errorf("%s: %s", file, image)
			}
		}
	}
}
