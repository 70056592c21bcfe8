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

// documented returns the methods of Client that take a context, with the routes in their comments.
func documented(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	routes, requests := map[string]string{}, sdkRequests(t)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range parse(t, name).Decls {
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
				t.Errorf("%s: the comment of %s has no route", name, f.Name.Name)
				continue
			}
			routes[f.Name.Name] = m[1] + " " + m[2]
			path, _, _ := strings.Cut(routes[f.Name.Name], "?")
			if used := sdkRoutes(f, requests); len(used) > 0 && !slices.Contains(used, path) {
				t.Errorf("%s: %s is documented as %s and sends %v", name, f.Name.Name, path, used)
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

// sdkRoutes returns the routes of the requests that a method sends by functions of sdkClient.
func sdkRoutes(f *ast.FuncDecl, requests map[string]string) []string {
	var used []string
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.SelectorExpr); ok {
			if sdk, ok := call.X.(*ast.SelectorExpr); ok && sdk.Sel.Name == "sdk" {
				used = append(used, requests[call.Sel.Name])
			}
		}
		return true
	})
	return used
}

// sdkRequests returns the names of the functions of sdkClient, with the route of the request that
// each returns.
func sdkRequests(t *testing.T) map[string]string {
	t.Helper()
	table := map[string]string{} // by the name of the variable
	ast.Inspect(parse(t, "routes.go"), func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if row, ok := v.Values[0].(*ast.CompositeLit); ok {
				name, err := strconv.Unquote(row.Elts[0].(*ast.BasicLit).Value)
				if err != nil || !route.MatchString("\t"+name) {
					t.Errorf("%s is %s: %v", v.Names[0], name, err)
				}
				table[v.Names[0].Name] = name
			}
		}
		return true
	})
	requests := map[string]string{}
	for _, d := range parse(t, "sdk.go").Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && table[id.Name] != "" {
				requests[f.Name.Name] = table[id.Name]
			}
			return true
		})
	}
	if len(table) == 0 || len(requests) < len(table) {
		t.Errorf("%d routes, %d requests", len(table), len(requests))
	}
	return requests
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRoutes_MatchDocumentation compares the documented route of each method with the request that
// it sends, the table of routes and the emulator.
func TestRoutes_MatchDocumentation(t *testing.T) {
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
			_, _ = io.WriteString(w, m.response)
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
