package contract_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDocs_FAQQuotesMessagesOfTheSource: an operator searches docs/faq.md for the message on the screen.
func TestDocs_FAQQuotesMessagesOfTheSource(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "faq.md"))
	if err != nil {
		t.Fatal(err)
	}
	source := sourceTexts(t)
	entries, quotes := 0, 0
	for line := range strings.Lines(string(text)) {
		heading, is := strings.CutPrefix(line, "### ")
		if !is {
			continue
		}
		entries++
		for _, quote := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(heading, -1) {
			for part := range strings.SplitSeq(quote[1], "…") {
				if part = strings.Trim(part, " "); strings.Contains(part, " ") {
					quotes++
					if !strings.Contains(source, part) {
						t.Errorf("%q is not in the source: %s", part, strings.TrimSpace(heading))
					}
				}
			}
		}
	}
	if entries < 25 || quotes < 40 {
		t.Errorf("only %d entries and %d quotes", entries, quotes)
	}
}

// sourceTexts returns the string literals of the product, one a line: sums of literals as one text, and verbs of formats
// as "…". The core of the integration is added as it is.
func sourceTexts(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, files := range productFiles(t) {
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					all.WriteString(literal(n) + "\n")
				case *ast.BinaryExpr:
					all.WriteString(literal(n) + "\n")
				}
				return true
			})
		}
	}
	core, err := filepath.Glob(filepath.Join(root, "secops", "okta_secops", "core", "*.py"))
	if err != nil || len(core) == 0 {
		t.Fatal("no integration", err)
	}
	for _, name := range core {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return verbs.ReplaceAllString(all.String(), "…")
}

// verbs are the verbs of formats.
var verbs = regexp.MustCompile(`%[sdqv]`)

// literal returns a string expression with "…" for each part that is not a literal.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return literal(e.X) + literal(e.Y)
		}
	}
	return "…"
}
