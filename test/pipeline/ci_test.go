package pipeline_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCI_GovulncheckNeedsItsDatabase runs that step of .ci/run: without the database it says that
// it was not run, with it a finding fails.
func TestCI_GovulncheckNeedsItsDatabase(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, ".ci/run"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(text), "\nstep govulncheck\n")
	script, _, ended := strings.Cut(script, "\nstep ")
	if !found || !ended {
		t.Fatal(".ci/run has no step govulncheck")
	}
	for name, test := range map[string]struct {
		curl, govulncheck string
		output            string
		fails             bool
	}{
		"no network": {"exit 6", "exit 9", "NOT RUN: govulncheck cannot reach the vulnerability database", false},
		"no finding": {"exit 0", "exit 0", "installed golang.org/x/vuln/cmd/govulncheck@v", false},
		"a finding":  {"exit 0", "exit 3", "installed golang.org/x/vuln/cmd/govulncheck@v", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := workspace{t: t, bin: t.TempDir()}
			w.command("curl", `case "$*" in *"--max-time 10 "*) `+test.curl+" ;; esac\nexit 9\n")
			w.command("govulncheck", test.govulncheck+"\n")
			w.command("go", "echo installed \"$2\"\n")
			c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", "plain= tools="+w.bin+"\n"+script)
			c.Env = []string{"PATH=" + w.bin + ":" + os.Getenv("PATH")}
			out, err := c.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(out), test.output) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
