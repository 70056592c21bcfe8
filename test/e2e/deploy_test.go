package e2e_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/keys"
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

// TestSourceArchive_IsReproducible builds the archive again from its own files, with other times and modes.
func TestSourceArchive_IsReproducible(t *testing.T) {
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

// key is a private key, as PEM or JWK, or a token.
var key = regexp.MustCompile(`PRIVATE KEY-----\s*(\\n)?[A-Za-z0-9+/]{20}|"d": *"[\w-]{20}|eyJ[\w-]{10,}\.eyJ`)

func TestSourceArchive_HoldsDeployedFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := unpack(t, sourceArchive(t, repository), dir)
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
	needed := map[string]bool{"LICENSE": true, "go.mod": true, "go.sum": true}
	for name := range strings.Lines(runGo(t, dir, "list", "-deps", "-f", "{{range .GoFiles}}{{$.ImportPath}}/{{.}}\n{{end}}{{range .EmbedFiles}}{{$.ImportPath}}/{{.}}\n{{end}}", ".")) {
		if name, ours := strings.CutPrefix(name, "example.com/okta-secops/"); ours {
			needed[strings.TrimSpace(name)] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(needed)), slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files built into a function (-), and files deployed (+):\n%s", diff)
	}
}

// runGo runs the go command in an unpacked archive as Google's builder would, with what go.sum names and no more: the module
// cache has it. It builds as this test was built, so that what both need is compiled once.
func runGo(t *testing.T, dir, command string, args ...string) string {
	t.Helper()
	all := []string{command, "-mod=readonly"}
	if built, ok := debug.ReadBuildInfo(); ok && slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		all = append(all, "-race")
	}
	c := exec.CommandContext(t.Context(), "go", append(all, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, stderr.String())
	}
	return stdout.String()
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

// effect is the reply to the example of one action of a group on the seeded org.
type effect struct {
	slug, status string
	outcomes     []string // of the targets, sorted
	call         string   // that Okta gets, without its query
	times        int
}

var effects = map[string]effect{
	"users":       {"disable-user", "partial", []string{"changed", "changed", "not_found"}, "POST /api/v1/users/{id}/lifecycle/suspend", 2},
	"groups":      {"add-group", "success", []string{"changed"}, "POST /api/v1/groups", 1},
	"roles":       {"assign-role", "success", []string{"changed"}, "POST /api/v1/users/{id}/roles", 1},
	"sessions":    {"clear-okta-user-session", "success", []string{"changed", "changed"}, "DELETE /api/v1/users/{id}/sessions", 2},
	"providers":   {"list-providers", "success", nil, "GET /api/v1/idps", 1},
	"logs":        {"search-system-log", "success", nil, "GET /api/v1/logs", 1},
	"containment": {"contain-user", "success", []string{"changed"}, "POST /api/v1/users/{id}/lifecycle/suspend", 1},
	"signals":     {"send-itp-signal", "success", []string{"accepted"}, "POST /security/api/v1/security-events", 1},
}

// TestSourceArchive_ServesEveryTarget builds the archive as Google does, and has each target Ping and carry out one action.
func TestSourceArchive_ServesEveryTarget(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it builds the deployed archive")
	}
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
	runGo(t, dir, "build", "-ldflags=-w", "-o", binary, "./serverless_function_app")
	signing, err := keys.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range handlers.Groups {
		for _, target := range []string{g.Function, g.EventFunction()} {
			t.Run(target, func(t *testing.T) {
				t.Parallel()
				okta, org, settings := seededOrg(t, signing)
				f := deployBinary(t, binary, target, settings...)
				want := effects[g.Name]
				a, found := g.Find(want.slug)
				if !found {
					t.Fatalf("there is no %s", want.slug)
				}
				request := map[string]any{"parameters": a.Example.Parameters, "entities": a.Example.Entities}
				if target == g.Function {
					wantReply(t, ask(t, http.MethodGet, f.address+"/ping", "", org), "success", nil)
					okta.ClearRequests()
					wantReply(t, ask(t, http.MethodPost, f.address+"/"+a.Slug, testkit.JSON(t, request), org), want.status, want.outcomes)
				} else {
					send := func(id string, data any) answer {
						t.Helper()
						header := http.Header{"Content-Type": {"application/json"}, "Ce-Id": {id}, "Ce-Source": {"//pubsub"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {published}}
						return askWith(t, http.MethodPost, f.address, header, testkit.Message{ID: id, Data: testkit.JSON(t, data)}.Delivery(), org)
					}
					wantReply(t, send("ping", map[string]any{"action": "Ping"}), "success", nil)
					okta.ClearRequests()
					request["action"] = a.Name
					wantReply(t, send("action", request), want.status, want.outcomes)
				}
				times, asked := 0, []string{}
				for _, r := range okta.Requests() {
					call := r.Method + " " + userID.ReplaceAllString(r.Path, "/{id}")
					asked = append(asked, call)
					if call == want.call {
						times++
					}
				}
				if times != want.times {
					t.Errorf("Okta got %q, and not %d times %s", asked, want.times, want.call)
				}
			})
		}
	}
}

var userID = regexp.MustCompile(`/00u\w+`)

func wantReply(t *testing.T, a answer, status string, outcomes []string) {
	t.Helper()
	reply, _ := a.Reply.(map[string]any)
	targets, _ := reply["targets"].([]any)
	var got []string
	for _, target := range targets {
		outcome, _ := target.(map[string]any)["outcome"].(string)
		got = append(got, outcome)
	}
	slices.Sort(got)
	if a.Status != http.StatusOK || reply["status"] != status || !slices.Equal(got, outcomes) {
		t.Errorf("want %s %q, got %+v", status, outcomes, a)
	}
}
