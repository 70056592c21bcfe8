package archive_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/tools/archive"
)

// tree returns a directory with empty files and a .gcloudignore.
func tree(t *testing.T, ignore string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".gcloudignore"), []byte(ignore), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, data []byte) []*zip.File {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return z.File
}

// gcloud reads the list with git's rules and must select the same files.
func TestPatterns_MatchAsInGit(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string][]string{
		"# x.go":    {"a/b/x.go", "a/x.go", "x.go", "y.go"},
		"x.go":      {"y.go"},
		"x.go  \r":  {"y.go"},
		"**/x.go":   {"y.go"},
		"/x.go":     {"a/b/x.go", "a/x.go", "y.go"},
		"x.go/":     {"a/b/x.go", "a/x.go", "x.go", "y.go"}, // x.go is not a directory
		"[xz].go":   {"y.go"},
		"?.go":      {},
		"*":         {},
		"a":         {"x.go", "y.go"},
		"b/":        {"a/x.go", "x.go", "y.go"},
		"**/b/":     {"a/x.go", "x.go", "y.go"},
		"/b/":       {"a/b/x.go", "a/x.go", "x.go", "y.go"},
		"/a/\ny.go": {"x.go"},
	} {
		data, err := archive.Make(tree(t, ".gcloudignore\n"+pattern, "y.go", "x.go", "a/x.go", "a/b/x.go"))
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		got := []string{}
		for _, f := range read(t, data) {
			got = append(got, f.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", pattern, diff)
		}
	}
}

func TestPatterns_RejectUnsupported(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"!keep.go", "a/b", "a/**/b", "a/**", "**", "**x", "[x", `\#x`, " x", "**//x", "//x"} {
		_, err := archive.Make(tree(t, "token\n"+pattern))
		if err == nil || !strings.Contains(err.Error(), ".gcloudignore:2") {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestMake_RejectsFilesThatAreNotSource(t *testing.T) {
	t.Parallel()
	const want = "a/token is neither source nor excluded by .gcloudignore: remove it if it is a secret, or exclude it"
	if _, err := archive.Make(tree(t, ".gcloudignore", "a/token")); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	for _, target := range []string{"x.go", "a", "nowhere"} {
		dir := tree(t, ".gcloudignore\n/left-out.go", "x.go", "a/x.go")
		if err := os.Symlink(target, filepath.Join(dir, "left-out.go")); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Make(dir); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if err := os.Symlink(target, filepath.Join(dir, "link.go")); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Make(dir); err == nil || !strings.Contains(err.Error(), "link.go is not a regular file") {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// Streaming readers reject sizes behind the data, and some readers reject invalid dates.
func TestMake_IsReadableByStreamingReaders(t *testing.T) {
	t.Parallel()
	data, err := archive.Make(tree(t, ".gcloudignore", "x.go", "a/x.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range read(t, data) {
		const sizesBehind = 1 << 3
		modified := f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC))
		if f.Flags&sizesBehind != 0 || len(f.Extra) > 0 || f.Mode() != fs.FileMode(0o644) || !modified {
			t.Errorf("%s: %+v", f.Name, f.FileHeader)
		}
	}
}
