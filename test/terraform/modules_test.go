package terraform_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A module with a provider block cannot be called with for_each, count or depends_on. terraform/ is a module and a
// root: it needs no block, because each resource names its project and its region.
func TestTerraformModules_RequireVersionsAndConfigureNoProvider(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile(filepath.Join(tree, "versions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	configured := regexp.MustCompile(`(?m)^provider "`)
	n := 0
	for _, pattern := range []string{"", "modules/*", "examples/*"} {
		dirs, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 { // examples/README.md
				continue
			}
			n++
			providers := 0
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				providers += len(configured.FindAll(text, -1))
			}
			isExample := strings.HasPrefix(pattern, "examples")
			if want := map[bool]int{true: 1}[isExample]; providers != want {
				t.Errorf("%s has %d provider blocks, want %d", dir, providers, want)
			}
			versions, err := os.ReadFile(filepath.Join(dir, "versions.tf"))
			if err != nil {
				t.Error(err)
			}
			if !isExample && string(versions) != string(own) {
				t.Errorf("%s/versions.tf differs from that of terraform/", dir)
			}
			if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
				t.Error(err)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d directories", n)
	}
}

// Without a provider block the project comes from the resource alone.
func TestTerraformResources_NameTheirProject(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, r := range applied(t, vars...) {
				if project, has := r.Values["project"]; has {
					n++
					if project != "acme-security" {
						t.Errorf("%s has the project %q: set it", r.Address, project)
					}
				}
			}
			if n < 50 {
				t.Errorf("only %d resources have a project", n)
			}
		})
	}
}
