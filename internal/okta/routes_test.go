package okta_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
)

var (
	route       = regexp.MustCompile(`(?m)^\t(GET|POST|PUT|DELETE) (/\S+)$`)
	placeholder = regexp.MustCompile(`\{\w+\}`)
)

// documented are the methods of Client that take a context, with the route that their comments name.
func documented(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || len(f.Type.Params.List) == 0 {
				continue
			}
			first, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr)
			if !ok || first.Sel.Name != "Context" || !isOfClient(f) {
				continue
			}
			m := route.FindStringSubmatch(f.Doc.Text())
			if m == nil {
				t.Errorf("%s: the comment of %s names no route", name, f.Name.Name)
				continue
			}
			routes[f.Name.Name] = m[1] + " " + m[2]
			path, _, _ := strings.Cut(routes[f.Name.Name], "?")
			if ops := literalRoutes(f); len(ops) > 0 && !slices.Contains(ops, path) {
				t.Errorf("%s: %s is documented as %s and counted as %v", name, f.Name.Name, path, ops)
			}
		}
	}
	return routes
}

func isOfClient(f *ast.FuncDecl) bool {
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.Ident)
	return ok && name.Name == "Client"
}

// literalRoutes are the routes under which a method has its calls counted against Okta's limits.
func literalRoutes(f *ast.FuncDecl) []string {
	var ops []string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && route.MatchString("\t"+text) {
				ops = append(ops, text)
			}
		}
		return true
	})
	return ops
}

// TestEveryMethodCallsTheRouteOfItsComment compares what a method documents, what it sends, and what the
// emulator knows.
func TestEveryMethodCallsTheRouteOfItsComment(t *testing.T) {
	t.Parallel()
	okta := emulator.New(emulator.Options{})
	fake := httptest.NewServer(okta)
	t.Cleanup(fake.Close)
	routes := documented(t)
	if len(routes) != len(methods) {
		t.Errorf("%d methods are documented, %d are tested", len(routes), len(methods))
	}
	for name, documented := range routes {
		m, ok := methods[name]
		if !ok {
			t.Errorf("%s has no test", name)
			continue
		}
		var rec record
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			rec.add(r)
			_, _ = io.WriteString(w, m.answer)
		})
		if err := m.call(t.Context(), c, "00u1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		path, query, _ := strings.Cut(documented, "?")
		want := regexp.MustCompile("^" + placeholder.ReplaceAllString(path, "[^/?]+") + `(\?|$)`)
		if sent := rec.all(); len(sent) != 1 || !want.MatchString(sent[0]) || !strings.Contains(sent[0], query) {
			t.Errorf("%s is documented as %s and sends %v", name, documented, sent)
		}
		method, path, _ := strings.Cut(path, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, fake.URL+placeholder.ReplaceAllString(path, "x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "SSWS "+okta.Token())
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if unknown := okta.UnknownRoutes(); len(unknown) > 0 {
		t.Errorf("the emulator does not have %v", unknown)
	}
}
