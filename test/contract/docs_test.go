package contract_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/config"
	"example.com/okta-secops/secrets"
)

// TestSettings_AreDeclaredAndRead: the product reads the settings that config declares, of which docs/configuration.md is
// generated, and no others.
func TestSettings_AreDeclaredAndRead(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	getenv := func(name string) string { read[name] = true; return "" }
	_, _ = config.FromEnv(getenv, true)
	_, _ = config.TransmitterFromEnv(getenv)
	_, _ = app.New(app.Options{Getenv: getenv}).Open(handlers.Groups[0])(t.Context())
	_, _ = secrets.Default(getenv).Get(t.Context(), "a-bare-name")
	for name := range read {
		if !config.Known(name) {
			t.Errorf("%s is read and not declared", name)
		}
	}
	for _, s := range config.Settings {
		if !read[s.Name] {
			t.Errorf("%s is declared and not read", s.Name)
		}
		if s.Help == "" {
			t.Errorf("%s has no help", s.Name)
		}
	}
}

// TestDocs_LinksHaveTargets follows the relative links.
func TestDocs_LinksHaveTargets(t *testing.T) {
	t.Parallel()
	var docs []string
	for _, pattern := range []string{"*.md", "docs/*.md", "terraform/*.md", "terraform/*/*.md", "terraform/*/*/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(pages) == 0 {
			t.Fatal(pattern, pages, err)
		}
		docs = append(docs, pages...)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s: the link %s leads nowhere", doc, m[1])
			}
		}
	}
}

// TestDocs_ThreatModelNamesExistingTests: a row whose test is missing would be an unchecked claim.
func TestDocs_ThreatModelNamesExistingTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := os.ReadFile(filepath.Join(root, name))
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			declared[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	_, cases, _ := strings.Cut(string(text), "## Abuse cases")
	cases, _, _ = strings.Cut(cases, "\n## ")
	for row := range strings.Lines(cases) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| An attacker") {
			continue
		}
		rows++
		named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(row, -1)
		if len(named) == 0 {
			t.Errorf("no test: %s", row)
		}
		for _, m := range named {
			if !declared[m[1]] {
				t.Errorf("there is no %s: %s", m[1], row)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d abuse cases", rows)
	}
}

// TestDocs_LimitsNameTheirConstants: each row of the table of limits in docs/architecture.md names a constant or type that
// its file declares.
func TestDocs_LimitsNameTheirConstants(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Limits")
	rows := regexp.MustCompile("(?m)\\| `(\\w+)` \\| `([\\w./-]+)` \\|$").FindAllStringSubmatch(table, -1)
	for _, row := range rows {
		source, err := os.ReadFile(filepath.Join(root, row[2]))
		if err != nil {
			t.Error(err)
			continue
		}
		if declared := regexp.MustCompile(`(?m)^\s*(?:const |type )?` + row[1] + `\s+(?:=|struct)`); !declared.Match(source) {
			t.Errorf("%s does not declare %s", row[2], row[1])
		}
	}
	if len(rows) < 30 {
		t.Errorf("only %d limits", len(rows))
	}
}
