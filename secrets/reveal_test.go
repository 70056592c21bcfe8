package secrets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// mayReveal are the packages that call Reveal. Before you add a package, check that its code never
// writes a secret to a log, an error or a reply.
var mayReveal = []string{
	"handlers/users",  // a password that random characters are added to
	"internal/app",    // the policy of the guardrails, which may be in a secret
	"internal/caller", // the keys of callers
	"internal/config", // removes the scheme from a pasted API token
	"internal/keys",   // private keys
	"internal/okta",   // the API token, passwords and tokens that it sends
	"internal/ssf",    // public keys
	"secrets",         // compares secrets
	"local",           // the emulator's token, the key made for it, and the start token
	"internal/secops", // the key made for the examples
}

func TestReveal_IsUsedOnlyInKnownPackages(t *testing.T) {
	t.Parallel()
	root := ".."
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module is not at %s: %v", root, err)
	}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name == "test" || base == "testdata" || base != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" || strings.HasSuffix(base, "_test.go") || slices.Contains(mayReveal, path.Dir(name)) {
			return nil
		}
		for _, line := range revealLines(t, tree, name) {
			t.Errorf("%s:%d calls Reveal; add %s to mayReveal if it must", name, line, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// revealLines returns the lines on which the file calls Reveal or uses it as a function value.
func revealLines(t *testing.T, tree fs.FS, name string) []int {
	t.Helper()
	source, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Reveal" {
			lines = append(lines, files.Position(s.Sel.Pos()).Line)
		}
		return true
	})
	return lines
}

func TestReveal_IsFoundAsCallAndAsFunctionValue(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"caller.go": {Data: []byte(`package caller

func read(v interface{ Reveal() string }) (string, func() string) {
	// v.Reveal() in a comment reads nothing.
	read := v.Reveal
	return v.Reveal(), read
}
`)}}
	if got, want := revealLines(t, tree, "caller.go"), []int{5, 6}; !slices.Equal(got, want) {
		t.Errorf("lines = %v, want %v", got, want)
	}
}
