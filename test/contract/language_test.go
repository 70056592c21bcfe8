package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// phrases are turns of phrase that make a text hard to read, and the plain form of each.
var phrases = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(?:whoever|nobody|somebody)\b`), "name the agent: the caller, the operator, unauthenticated callers"},
	{regexp.MustCompile(`\b(?:is|are|was|were) no (?:other |new |further )?\w+`), `"is not a …" or "has no …"`},
	{regexp.MustCompile(`(?i)\b(?:mend|mends|mended|anew|likewise|lest|thereof|whence|twins?|spoilt)\b`), "the standard word: fix, again, also, duplicate, damaged"},
	{regexp.MustCompile(`\b(?:comes?|came) to (?:nothing|be)\b|\bbec(?:omes?|ame) of\b`), `"the result of …"`},
	{regexp.MustCompile(`\b(?:side by side|by (?:itself|themselves))\b`), `"in parallel", "alone", "automatically"`},
	{regexp.MustCompile(`\b(?:tells?|told) (?:whether|who|what|which)\b`), `"reports whether", "returns"`},
	{regexp.MustCompile(`(?:^|[.:;] )What (?:is|was|comes|cannot|must|has|it|a|an|no)\b`), "a noun: the error, the response, the value"},
	{regexp.MustCompile(`\b(?:by|of|in|with|for|from|to) what (?:is|was|are|it|the|a|an|no|cannot)\b`), "a noun: the error, the response, the value"},
	{regexp.MustCompile(`\bof (?:ours|its own|their own|one's own)\b`), `"our", "its own token"`},
}

// allowed are matches of phrases that are plain.
var allowed = regexp.MustCompile(`no (?:longer|more|need|way|such|point|reason|parameters)$`)

// TestLanguage_IsPlain holds the comments, messages and documents of the tree against the phrases.
func TestLanguage_IsPlain(t *testing.T) {
	t.Parallel()
	texts := 0
	check := func(place, text string) {
		texts++
		for _, p := range phrases {
			if found := p.pattern.FindString(text); found != "" && !allowed.MatchString(found) {
				t.Errorf("%s: %q: write %s", place, strings.TrimSpace(found), p.instead)
			}
		}
	}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") && filepath.Base(name) != "language_test.go":
			return goTexts(name, check)
		case strings.HasSuffix(name, ".md"):
			return documentTexts(name, check)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if texts < 5000 {
		t.Errorf("only %d texts were checked", texts)
	}
}

// goTexts checks the comments and the sentences among the string literals of a Go file.
func goTexts(name string, check func(place, text string)) error {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments)
	if err != nil {
		return err
	}
	place := func(p token.Pos) string { return name + ":" + strconv.Itoa(files.Position(p).Line) }
	for _, group := range f.Comments {
		check(place(group.Pos()), strings.ReplaceAll(group.Text(), "\n", " "))
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && strings.Count(s.Value, " ") > 2 {
			check(place(s.Pos()), s.Value)
		}
		return true
	})
	return nil
}

// code is text of a document between backticks.
var code = regexp.MustCompile("`[^`]*`")

// documentTexts checks the paragraphs of a Markdown file, without its code.
func documentTexts(name string, check func(place, text string)) error {
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return err
	}
	fenced := false
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if !fenced {
			check(name+":"+strconv.Itoa(i+1), code.ReplaceAllString(line, ""))
		}
	}
	return nil
}
