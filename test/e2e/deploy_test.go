package e2e_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
	"example.com/okta-secops/tools/archive"
)

const repository = "../.."

func sourceArchive(t *testing.T, root string) []byte {
	t.Helper()
	data, err := archive.Make(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unpack writes an archive to a directory and returns its files.
func unpack(t *testing.T, data []byte, dir string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || !filepath.IsLocal(f.Name) {
			t.Fatalf("%s: %v", f.Name, err)
		}
		files[f.Name] = string(text)
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestDeployShapeIsTheSameWhoeverMakesIt makes the archive again from what is in it, with other times and modes.
func TestDeployShapeIsTheSameWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	data := sourceArchive(t, repository)
	dir := t.TempDir()
	files := unpack(t, data, dir)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), time.Unix(1, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := os.ReadFile(repository + "/.gcloudignore")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{".gcloudignore": string(list), "handlers/extra_test.go": "package handlers", "local/main.go": "package main", "key.pem": "x"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(data, sourceArchive(t, dir)) || !bytes.Equal(data, sourceArchive(t, repository)) {
		t.Error("two archives of the same source differ")
	}
}

func TestDeployShapeRefusesWhatIsNoSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x", ".gcloudignore": ".gcloudignore\n*.pem\n/local/\n", "token": "00canary"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := archive.Make(dir); err == nil || !strings.Contains(err.Error(), "token is neither source nor in .gcloudignore") {
		t.Errorf("%v", err)
	}
	for _, line := range []string{"!keep.go", "a/b", "a/**/b", "[x", `\#x`} {
		if err := os.WriteFile(filepath.Join(dir, ".gcloudignore"), []byte("token\n"+line), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Make(dir); err == nil || !strings.Contains(err.Error(), ".gcloudignore:2") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// key is a private key, as PEM or JWK, or a token.
var key = regexp.MustCompile(`PRIVATE KEY-----\s*(\\n)?[A-Za-z0-9+/]{20}|"d": *"[\w-]{20}|eyJ[\w-]{10,}\.eyJ`)

func TestDeployShapeHoldsWhatIsDeployedAndNoMore(t *testing.T) {
	t.Parallel()
	files := unpack(t, sourceArchive(t, repository), t.TempDir())
	top := map[string]bool{}
	for name, text := range files {
		first, _, _ := strings.Cut(name, "/")
		top[first] = true
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata") || strings.HasSuffix(name, ".tf") {
			t.Errorf("%s is deployed", name)
		}
		if strings.Contains(text, "example.com/okta-secops/local") || strings.Contains(text, "example.com/okta-secops/test") {
			t.Errorf("%s needs what is not deployed", name)
		}
		if key.MatchString(text) {
			t.Errorf("%s holds a key or a token", name)
		}
	}
	want := []string{"LICENSE", "function.go", "go.mod", "go.sum", "handlers", "internal", "secrets"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(top))); diff != "" {
		t.Errorf("top level (-want +got):\n%s", diff)
	}
}

// buildpackMain is what Google's Go buildpack adds to a function's source.
const buildpackMain = `package main

import (
	"log"
	"os"

	_ "example.com/okta-secops"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	if err := funcframework.Start(os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// TestDeployShapeServesEveryTarget builds the archive as Google does, and has each target Ping and carry out one action.
func TestDeployShapeServesEveryTarget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, sourceArchive(t, repository), dir)
	if err := os.Mkdir(filepath.Join(dir, "serverless_function_app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "serverless_function_app", "main.go"), []byte(buildpackMain), 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "function")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./serverless_function_app")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=readonly") // go.sum says all there is
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	signing, err := keys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range handlers.Groups {
		for _, target := range []string{g.Function, g.EventFunction()} {
			t.Run(target, func(t *testing.T) {
				t.Parallel()
				okta := emulator.New(emulator.Options{})
				org := httptest.NewServer(okta)
				t.Cleanup(org.Close)
				okta.RegisterTransmitter(testkit.Issuer, signing.JWKS(testkit.KeyID))
				f := deployBinary(t, binary, target,
					"OKTA_API_ROOT="+org.URL, "OKTA_API_TOKEN_SECRET=env:TOKEN", "TOKEN="+okta.Token(), "CALLER_AUTH=none",
					"ITP_SIGNING_KEY_SECRET=env:KEY", "KEY="+signing.PEM().Reveal(), "ITP_KEY_ID="+testkit.KeyID, "ITP_ISSUER_URL="+testkit.Issuer)
				a := firstOf(g)
				request := map[string]any{"parameters": a.Example.Parameters, "entities": a.Example.Entities}
				if target == g.Function {
					wantReply(t, ask(t, http.MethodGet, f.address+"/ping", "", org.URL))
					wantReply(t, ask(t, http.MethodPost, f.address+"/"+a.Slug, encode(t, request), org.URL))
				} else {
					for i, name := range []string{"Ping", a.Name} {
						message := map[string]any{"action": name}
						if name != "Ping" {
							maps.Copy(message, request)
						}
						m := testkit.Message{ID: fmt.Sprint("m", i), Data: encode(t, message)}
						header := http.Header{"Content-Type": {"application/json"}, "Ce-Id": {m.ID}, "Ce-Source": {"//pubsub"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {published}}
						wantReply(t, askWith(t, http.MethodPost, f.address, header, m.Delivery(), org.URL))
					}
				}
				if len(okta.Requests()) == 0 {
					t.Error("Okta was asked nothing")
				}
			})
		}
	}
}

// firstOf is the first action of a group that reaches all that its example names, by whichever way.
func firstOf(g action.Group) action.Action {
	i := slices.IndexFunc(g.Actions, func(a action.Action) bool { return a.Slug != "ping" })
	return g.Actions[i]
}

func wantReply(t *testing.T, a answer) {
	t.Helper()
	reply, _ := a.Reply.(map[string]any)
	if a.Status != http.StatusOK || reply["status"] == "failure" || reply["status"] == nil {
		t.Errorf("%+v", a)
	}
}
