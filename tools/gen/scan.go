package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
)

// codeScan finds the error codes in the source of the product.
type codeScan struct {
	constants map[string]ast.Expr      // by package and name
	kinds     map[string]apierr.Kind   // by the name of the constant
	uses      map[string][]apierr.Kind // of each code; empty if the source computes its kind
	computed  map[string]bool          // keys as those of computedCodes
}

// scanCodes returns the error codes of the source under root: those of apierr.New, apierr.Errorf, apierr.Error and of
// assignments to the member Code of an error.
func scanCodes(root string) (*codeScan, error) {
	s := &codeScan{map[string]ast.Expr{}, map[string]apierr.Kind{}, map[string][]apierr.Kind{}, map[string]bool{}}
	for _, k := range apierr.Kinds() {
		s.kinds[strings.ReplaceAll(k.String(), "_", "")] = k
	}
	files := map[string]*ast.File{}
	for _, dir := range []string{"handlers", "internal", "secrets", "local"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			relative, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(relative)], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		s.readConstants(f)
	}
	for name, f := range files {
		if err := s.readFile(name, f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readConstants adds the constants of a file.
func (s *codeScan) readConstants(f *ast.File) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						s.constants[f.Name.Name+"."+name.Name] = v.Values[i]
					}
				}
			}
		}
	}
}

// readFile adds the codes of a file.
func (s *codeScan) readFile(name string, f *ast.File) (err error) {
	ast.Inspect(f, func(n ast.Node) bool {
		var kind, code ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			kind, code = codeOfCall(n)
		case *ast.CompositeLit:
			kind, code = codeOfLiteral(n)
		case *ast.AssignStmt:
			kind, code = codeOfAssignment(n)
		}
		if code != nil && err == nil {
			err = s.add(name, f, kind, code)
		}
		return true
	})
	return err
}

// codeOfCall returns the kind and the code of a call that makes an error.
func codeOfCall(n *ast.CallExpr) (kind, code ast.Expr) {
	switch types.ExprString(n.Fun) {
	case "apierr.New", "apierr.Errorf":
		return n.Args[0], n.Args[1]
	case "writeError": // of package local
		return nil, n.Args[2]
	}
	return nil, nil
}

// codeOfLiteral returns the kind and the code of an error literal.
func codeOfLiteral(n *ast.CompositeLit) (kind, code ast.Expr) {
	if n.Type == nil || !slices.Contains([]string{"apierr.Error", "Error"}, types.ExprString(n.Type)) {
		return nil, nil
	}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			switch types.ExprString(kv.Key) {
			case "Kind":
				kind = kv.Value
			case "Code":
				code = kv.Value
			}
		}
	}
	return kind, code
}

// codeOfAssignment returns the kind and the code that are assigned to the members of an error.
func codeOfAssignment(n *ast.AssignStmt) (kind, code ast.Expr) {
	for i, left := range n.Lhs {
		if member, ok := left.(*ast.SelectorExpr); ok && len(n.Rhs) == len(n.Lhs) {
			switch member.Sel.Name {
			case "Kind":
				kind = n.Rhs[i]
			case "Code":
				code = n.Rhs[i]
			}
		}
	}
	return kind, code
}

// add adds the use of a code with its kind, which may be nil.
func (s *codeScan) add(file string, f *ast.File, kind, code ast.Expr) error {
	values, ok := s.values(f.Name.Name, code)
	if !ok {
		s.computed[file+": "+types.ExprString(code)] = true
		return nil
	}
	for _, v := range values {
		if v == "" {
			continue
		}
		s.uses[v] = append(s.uses[v], nil...)
		if kind == nil {
			continue
		}
		name := types.ExprString(kind)
		name = strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
		k, known := s.kinds[name]
		if !known && !strings.HasSuffix(name, ")") {
			return fmt.Errorf("%s: the kind %s is unknown", file, name)
		}
		if known && !slices.Contains(s.uses[v], k) {
			s.uses[v] = append(s.uses[v], k)
		}
	}
	return nil
}

// values returns the values of an expression: one for a constant, and that of each rule for the code of a rule.
func (s *codeScan) values(pkg string, e ast.Expr) (values []string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return []string{text}, err == nil
	case *ast.Ident:
		if value, found := s.constants[pkg+"."+e.Name]; found {
			return s.values(pkg, value)
		}
	case *ast.SelectorExpr:
		if of, is := e.X.(*ast.Ident); is {
			if value, found := s.constants[of.Name+"."+e.Sel.Name]; found {
				return s.values(of.Name, value)
			}
		}
	case *ast.BinaryExpr:
		left, ok := s.values(pkg, e.X)
		right, also := s.values(pkg, e.Y)
		if ok && also {
			return []string{left[0] + right[0]}, true
		}
	case *ast.CallExpr:
		return s.ruleCodes(pkg, e)
	}
	return nil, false
}

// ruleCodes returns the codes of a call of guardrail.Rule.Code.
func (s *codeScan) ruleCodes(pkg string, e *ast.CallExpr) ([]string, bool) {
	method, is := e.Fun.(*ast.SelectorExpr)
	if !is || pkg != "guardrail" || method.Sel.Name != "Code" {
		return nil, false
	}
	if of, ok := s.values(pkg, method.X); ok {
		return []string{guardrail.Rule(of[0]).Code()}, true
	}
	codes := make([]string, len(guardrail.Rules))
	for i, r := range guardrail.Rules {
		codes[i] = r.Code()
	}
	return codes, true
}

// check compares the codes of the source with the tables. The error names each difference.
func (s *codeScan) check() error {
	var problems []string
	documented := map[string]bool{}
	for _, c := range errorCodes {
		if documented[c.code] {
			problems = append(problems, c.code+" has two rows in errorCodes")
		}
		documented[c.code] = true
		if kinds, used := s.uses[c.code]; c.kinds == nil && (!used || len(kinds) == 0 && c.status == 0) {
			problems = append(problems, c.code+" is in errorCodes, and the source does not have it with a kind")
		}
	}
	for _, c := range oktaCodes {
		documented[c.code] = true
	}
	for _, code := range slices.Sorted(maps.Keys(s.uses)) {
		if !documented[code] {
			problems = append(problems, code+" is in the source: add it to errorCodes in tools/gen/codes.go")
		}
	}
	for _, expression := range slices.Sorted(maps.Keys(s.computed)) {
		if computedCodes[expression] == "" {
			problems = append(problems, expression+" is not a constant: add it to computedCodes in tools/gen/codes.go")
		}
	}
	for _, expression := range slices.Sorted(maps.Keys(computedCodes)) {
		if !s.computed[expression] {
			problems = append(problems, expression+" is in computedCodes and not in the source")
		}
	}
	if problems != nil {
		return fmt.Errorf("docs/errors.md:\n\t%s", strings.Join(problems, "\n\t"))
	}
	return nil
}
