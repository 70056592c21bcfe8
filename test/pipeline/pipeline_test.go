// Package pipeline_test runs the scripts of cloudbuild.yaml and cloudbuild-apply.yaml, with
// stand-ins for the commands that need a network, and follows docs/deploy.md.
package pipeline_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"
)

// root is the repository.
const root = "../.."

// build is a build configuration of Cloud Build, as far as it is used.
type build struct {
	Substitutions map[string]string
	Steps         []step
	Options       struct {
		AutomapSubstitutions bool   `yaml:"automapSubstitutions"`
		SubstitutionOption   string `yaml:"substitutionOption"`
	}
}

type step struct {
	ID, Name, Dir, Script, Entrypoint string
	Args                              []string
}

func load(t *testing.T, file string) build {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	var b build
	if err := yaml.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// workspace is where the steps of a build run.
type workspace struct {
	t    *testing.T
	dir  string
	bin  string // of the stand-ins
	file string
	env  map[string]string
}

// newWorkspace makes one for the build configuration in file. The variables are those that Cloud
// Build sets for a build by trigger, and those of the trigger.
func newWorkspace(t *testing.T, file string) workspace {
	t.Helper()
	w := workspace{t: t, dir: t.TempDir(), bin: t.TempDir(), file: file, env: map[string]string{}}
	for name, value := range load(t, file).Substitutions {
		w.env[name] = value
	}
	for name, value := range map[string]string{
		"PROJECT_ID": "acme-security", "PROJECT_NUMBER": "123456789012", "LOCATION": "global", "BUILD_ID": planBuild, "COMMIT_SHA": commit,
		"_REGION": "europe-west3", "_STATE_BUCKET": "acme-state", "_PLANS_BUCKET": "acme-plans", "HOME": w.dir,
	} {
		w.env[name] = value
	}
	if err := os.Mkdir(filepath.Join(w.dir, "terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

const (
	planBuild = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
	commit    = "4f2a9c1d8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a39"
)

// command puts a stand-in on the PATH: a script for sh.
func (w workspace) command(name, script string) {
	w.t.Helper()
	w.executable(name, "#!/bin/sh\n"+script)
}

// executable writes a script and returns its path. No process is started meanwhile: it would inherit
// the open file, and the kernel refuses to run a file that is open for writing.
func (w workspace) executable(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.bin, name)
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w workspace) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// read returns the text of a file; "" if it does not exist.
func (w workspace) read(name string) string {
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(text)
}

// try runs a step as Cloud Build does and returns what it wrote.
func (w workspace) try(id string) (string, error) {
	w.t.Helper()
	steps := load(w.t, w.file).Steps
	i := slices.IndexFunc(steps, func(s step) bool { return s.ID == id })
	if i < 0 {
		w.t.Fatalf("%s has no step %q", w.file, id)
	}
	c := exec.CommandContext(w.t.Context(), w.executable("script", steps[i].Script))
	c.Dir = filepath.Join(w.dir, steps[i].Dir)
	c.Env = []string{"PATH=" + w.bin + ":" + os.Getenv("PATH")}
	for name, value := range w.env {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

func (w workspace) run(id string) string {
	w.t.Helper()
	out, err := w.try(id)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", id, err, out)
	}
	return out
}

// refused runs a step that must fail, with each of these texts in its output.
func (w workspace) refused(id string, texts ...string) {
	w.t.Helper()
	out, err := w.try(id)
	if err == nil {
		w.t.Errorf("the step %q succeeds:\n%s", id, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			w.t.Errorf("the step %q fails without %q:\n%s", id, text, out)
		}
	}
}

var builds = map[string][]string{
	"cloudbuild.yaml": {
		"pins", "source", "settings", "plan", "store", "terraform for the checks", "Node.js for the checks", "checks",
	},
	"cloudbuild-apply.yaml": {"pins", "fetch the plan", "source", "configuration", "apply", "caller key", "doctor"},
}

// TestPipeline_StepsAndOrder: both builds check the pins first; the plan is stored before code of
// other authors runs; the approved plan is compared before it is applied.
func TestPipeline_StepsAndOrder(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`:\d+\.\d+\.\d+(-[a-z]+)*$|@sha256:[0-9a-f]{64}$`)
	for file, want := range builds {
		var ids []string
		for _, s := range load(t, file).Steps {
			ids = append(ids, s.ID)
			if !version.MatchString(s.Name) {
				t.Errorf("%s: the image %s has neither a full version nor a digest", file, s.Name)
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s has the steps %q, want %q", file, ids, want)
		}
	}
}

// TestPipeline_ScriptsReadDeclaredVariables: Cloud Build passes the substitutions to the scripts as
// environment variables. A text that it puts into a script could be code.
func TestPipeline_ScriptsReadDeclaredVariables(t *testing.T) {
	t.Parallel()
	builtIn := []string{"PROJECT_ID", "PROJECT_NUMBER", "LOCATION", "BUILD_ID", "COMMIT_SHA"}
	variable := regexp.MustCompile(`\$\{?([A-Z_][A-Z_0-9]+)`)
	for file := range builds {
		b := load(t, file)
		if !b.Options.AutomapSubstitutions || b.Options.SubstitutionOption != "ALLOW_LOOSE" {
			t.Errorf("%s: %+v", file, b.Options)
		}
		known := append(slices.Collect(maps.Keys(b.Substitutions)), builtIn...)
		used := map[string]bool{}
		for _, s := range b.Steps {
			if s.Entrypoint != "" || len(s.Args) > 0 || !strings.HasPrefix(s.Script, "#!/bin/") {
				t.Errorf("%s: the step %q is not a script", file, s.ID)
			}
			for _, m := range variable.FindAllStringSubmatch(s.Script, -1) {
				used[m[1]] = true
				if m[1] != "PATH" && !slices.Contains(known, m[1]) {
					t.Errorf("%s: the step %q reads %s, which is neither a substitution nor built in", file, s.ID, m[1])
				}
			}
		}
		for name := range b.Substitutions {
			if !used[name] {
				t.Errorf("%s: no step reads %s", file, name)
			}
		}
	}
}

// compile builds a tool of the repository and returns its path.
func compile(t *testing.T, tool string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tool")
	build := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-o", binary, tool)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestPipeline_RefusesUnpinned runs the step "pins" of both builds with the real tools/pin.
func TestPipeline_RefusesUnpinned(t *testing.T) {
	t.Parallel()
	pin := compile(t, "./tools/pin")
	pinned := "steps:\n  - name: golang@sha256:" + strings.Repeat("1", 64) + " # 1.26.8\n"
	lock := "provider \"registry.terraform.io/hashicorp/google\" {\n  version = \"7.45.0\"\n" +
		"  hashes = [\n    \"h1:tuMqVZkvW7Rlwsgkzm7ZyLHmLHKwkFuxkDTkjbyNb3U=\",\n  ]\n}\n"
	versions, err := os.ReadFile(filepath.Join(root, "terraform/versions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for file := range builds {
		for name, test := range map[string]struct {
			build, lock string
			want        []string
		}{
			"pinned":          {pinned, lock, nil},
			"an image by tag": {"steps:\n  - name: golang:1.2\n", lock, []string{"golang:1.2 has no digest", "./tools/pin"}},
			"no lock file":    {pinned, "", []string{".terraform.lock.hcl does not exist"}},
		} {
			t.Run(file+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorkspace(t, file)
				w.command("go", `[ "$*" = "run ./tools/pin -check" ] && exec `+pin+" -check\nexit 9\n")
				w.write(file, test.build)
				w.write("terraform/versions.tf", string(versions))
				if test.lock != "" {
					w.write("terraform/.terraform.lock.hcl", test.lock)
				}
				if test.want == nil {
					w.run("pins")
				} else {
					w.refused("pins", test.want...)
				}
			})
		}
	}
}
