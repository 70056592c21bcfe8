package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	root   = "../.." // of the module, from here
	module = "example.com/okta-secops"
)

// mayImport lists the packages of this module that a package may import. A pattern that ends with /* stands for every
// package below. A package that matches no pattern may import none of them.
var mayImport = map[string][]string{
	".":                    {"handlers", "internal/app", "internal/logging", "internal/httpapi"},
	"handlers":             {"handlers/*", "internal/action", "internal/okta", "internal/ssf", "internal/keys", "internal/apierr", "secrets"},
	"handlers/*":           {"internal/action", "internal/guardrail", "internal/okta", "internal/ssf", "internal/keys", "internal/apierr", "secrets"},
	"handlers/containment": {"handlers/*", "internal/action", "internal/okta", "internal/apierr"}, // it composes the plans of the others
	"internal/action":      {"internal/guardrail", "internal/okta", "internal/ssf", "internal/apierr", "secrets"},
	"internal/app":         {"internal/*", "secrets"},
	"internal/caller":      {"internal/apierr", "secrets"},
	"internal/config":      {"internal/caller", "internal/keys", "internal/pubsub", "internal/ssf", "secrets"},
	"internal/keys":        {"secrets"},
	"internal/okta":        {"internal/apierr", "internal/backoff", "internal/keys", "secrets"},
	"internal/audit":       {"internal/buildinfo", "internal/logging"},
	"internal/httpapi":     {"internal/action", "internal/audit", "internal/caller", "internal/guardrail", "internal/idempotency", "internal/jobs", "internal/apierr", "internal/logging", "internal/ssf"},
	"internal/guardrail":   {"internal/apierr", "internal/bucket"},
	"internal/idempotency": {"internal/bucket"},
	"internal/jobs":        {"internal/idempotency"},
	"internal/ssf":         {"internal/keys", "secrets"},
	"internal/transmitter": {"internal/caller", "internal/keys", "internal/okta", "internal/ssf", "secrets"}, // not deployed
	"internal/secops":      {"handlers", "internal/*", "local/emulator", "secrets"},                          // not deployed
	"local/pubsub":         {"handlers", "internal/backoff"},
	"secrets":              {"internal/backoff"},
	"local/emulator":       {},
	"local":                {".", "handlers", "internal/*", "local/*", "secrets"},
	"local/*":              {"handlers", "internal/*", "local/*", "secrets"},
	"tools/*":              {"*"},
	"test/*":               {"*"},
}

// TestImports_AreAllowed holds the direction of the dependencies: actions know no HTTP, the Okta
// client knows no actions, and nothing that is deployed knows the local product or the tests.
func TestImports_AreAllowed(t *testing.T) {
	t.Parallel()
	for pkg, files := range productFiles(t) {
		allowed := mayImport[rule(slices.Collect(maps.Keys(mayImport)), pkg)]
		for name, file := range files {
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				imported, ours := strings.CutPrefix(path, module)
				if !ours {
					continue
				}
				if imported = strings.TrimPrefix(imported, "/"); imported == "" {
					imported = "."
				}
				if rule(allowed, imported) == "" {
					t.Errorf("%s: %s may not import %s", name, pkg, imported)
				}
			}
		}
	}
}

// rule returns the pattern that matches pkg best, "" if none does.
func rule(patterns []string, pkg string) string {
	best := ""
	for _, p := range patterns {
		prefix, wild := strings.CutSuffix(p, "*")
		if (p == pkg || wild && strings.HasPrefix(pkg, prefix)) && len(p) > len(best) {
			best = p
		}
	}
	return best
}

// productFiles are the files that are not tests, parsed, by package and by path.
func productFiles(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	packages := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(relative))
		if packages[pkg] == nil {
			packages[pkg] = map[string]*ast.File{}
		}
		packages[pkg][filepath.ToSlash(relative)] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// TestImports_HaveNoSideEffects holds init to registering: Cloud Functions runs it for every function,
// before any request, whichever is the target.
func TestImports_HaveNoSideEffects(t *testing.T) {
	t.Parallel()
	for pkg, files := range productFiles(t) {
		for name, file := range files {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Name.Name != "init" || f.Recv != nil {
					continue
				}
				if pkg != "." {
					t.Errorf("%s: only the root package has an init", name)
					continue
				}
				want := []string{"app.New", "deployed.Open", "deployed.OpenTransmitter", "functions.HTTP", "g.EventFunction",
					"httpapi.EventHandler", "httpapi.Handler", "httpapi.TransmitterHandler", "logging.New"}
				if diff := cmp.Diff(want, calls(f.Body)); diff != "" {
					t.Errorf("%s: what init calls (-want +got):\n%s", name, diff)
				}
			}
		}
	}
}

// calls are the functions that a block calls, sorted, each once.
func calls(block ast.Node) []string {
	found := map[string]bool{}
	ast.Inspect(block, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			found[f.Name] = true
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok {
				found[x.Name+"."+f.Sel.Name] = true
			} else {
				found[f.Sel.Name] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}
