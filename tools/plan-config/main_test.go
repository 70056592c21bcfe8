package main

import (
	"archive/zip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const list = `[{"Key": "", "Dir": "."}, {"Key": "function", "Source": "./modules/function", "Dir": "modules/function"}]`

// planned is the configuration inside a plan, as Terraform stores it.
var planned = map[string]string{
	"tfplan": "binary", manifest: list, "tfconfig/m-/main.tf": "root", "tfconfig/m-function/main.tf": "function",
}

// TestCompare_RefusesAnotherConfiguration compares plans with one directory.
func TestCompare_RefusesAnotherConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change map[string]string // of entries of the plan; "-" removes one
		want   string            // of the error; "": none
	}{
		"the same":           {nil, ""},
		"another content":    {map[string]string{"tfconfig/m-/main.tf": "provisioner"}, "another"},
		"of a module":        {map[string]string{"tfconfig/m-function/main.tf": "root"}, "modules/function/main.tf"},
		"a further file":     {map[string]string{"tfconfig/m-/extra.tf": ""}, "only the plan has tfconfig/m-/extra.tf"},
		"in JSON":            {map[string]string{"tfconfig/m-/extra.tf.json": "{}"}, "only the plan has"},
		"a further module":   {map[string]string{"tfconfig/m-other/main.tf": ""}, "only the plan has tfconfig/m-other"},
		"another spelling":   {map[string]string{"./tfconfig/m-/main.tf": "root"}, "only the plan has"},
		"a missing file":     {map[string]string{"tfconfig/m-function/main.tf": "-"}, "the plan has no"},
		"no list":            {map[string]string{manifest: "-"}, "lists no modules"},
		"a module outside":   {map[string]string{manifest: `[{"Key": "", "Dir": "../other"}]`}, "outside the directory"},
		"an unlisted module": {map[string]string{manifest: `[{"Key": "", "Dir": "."}]`}, "only the plan has"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "modules/function"), 0o700); err != nil {
				t.Fatal(err)
			}
			tree := map[string]string{"main.tf": "root", "modules/function/main.tf": "function", "plan.txt": "ignored"}
			for file, text := range tree {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			entries := maps.Clone(planned)
			maps.Copy(entries, test.change)
			err := compare(write(t, entries), dir)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
	if err := compare(filepath.Join(t.TempDir(), "none"), t.TempDir()); err == nil {
		t.Error("a plan that does not exist is accepted")
	}
}

// write writes a plan and returns its path.
func write(t *testing.T, entries map[string]string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "plan"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if entries[name] == "-" {
			continue
		}
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(entries[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func TestCompare_RefusesAnEntryTwice(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	for range 2 {
		if _, err := z.Create(manifest); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compare(name, t.TempDir()); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("%v", err)
	}
}
