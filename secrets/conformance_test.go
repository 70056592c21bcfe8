package secrets

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// openSource returns a Source with the given secrets by name, and a function that returns the
// reference of a name.
type openSource func(t *testing.T, content map[string]string) (Source, func(name string) string)

// sources are the implementations of Source. Each must pass the same tests.
var sources = map[string]openSource{
	"Env":                   openEnv(func(getenv func(string) string) Source { return Env{Getenv: getenv} }),
	"Default of an env":     openEnv(func(getenv func(string) string) Source { return Default(getenv) }),
	"File":                  openFile(File{}),
	"Default of a file":     openFile(Default(nil)),
	"Memory":                openMemory,
	"Cached file":           openCached(openFile(File{})),
	"Cached memory":         openCached(openMemory),
	"Cached Secret Manager": openCached(openManager(func(name string) string { return name })),
	"Secret Manager": openManager(func(name string) string {
		return "projects/acme/secrets/" + name + "/versions/latest"
	}),
	"Secret Manager in the default project": openManager(func(name string) string { return name }),
}

func openEnv(source func(getenv func(string) string) Source) openSource {
	return func(_ *testing.T, content map[string]string) (Source, func(string) string) {
		return source(func(name string) string { return content[name] }),
			func(name string) string { return "env:" + name }
	}
}

func openFile(source Source) openSource {
	return func(t *testing.T, content map[string]string) (Source, func(string) string) {
		dir := t.TempDir()
		for name, value := range content {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return source, func(name string) string { return "file:" + filepath.Join(dir, name) }
	}
}

func openMemory(_ *testing.T, content map[string]string) (Source, func(string) string) {
	memory := Memory{}
	for name, value := range content {
		memory["projects/p/secrets/"+name+"/versions/latest"] = value
	}
	return memory, func(name string) string { return "projects/p/secrets/" + name + "/versions/latest" }
}

func openCached(under openSource) openSource {
	return func(t *testing.T, content map[string]string) (Source, func(string) string) {
		source, ref := under(t, content)
		return NewCached(source, time.Now, func() *slog.Logger { return slog.New(slog.DiscardHandler) }), ref
	}
}

func TestSource_Conformance(t *testing.T) {
	t.Parallel()
	for name, open := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance(t, open)
		})
	}
}

// conformance tests the behavior that every Source must have.
func conformance(t *testing.T, open openSource) {
	values := map[string]struct{ stored, want string }{
		"plain":                     {hidden, hidden},
		"a line break at the end":   {hidden + "\n", hidden},
		"CRLF at the end":           {hidden + "\r\n", hidden},
		"several line breaks":       {hidden + "\n\r\n\n", hidden},
		"spaces around":             {" " + hidden + " ", " " + hidden + " "},
		"line breaks inside remain": {"\na\r\nb\nc\n", "\na\r\nb\nc"},
		"not ASCII":                 {"pässwörd-✓", "pässwörd-✓"},
	}
	for name, tc := range values {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, ref := open(t, map[string]string{"SECRET": tc.stored})
			got, err := source.Get(t.Context(), ref("SECRET"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Reveal() != tc.want {
				t.Errorf("value = %q, want %q", got.Reveal(), tc.want)
			}
		})
	}

	for name, stored := range map[string]string{"nothing": "", "line breaks": "\r\n\n", "blanks": " \t\n"} {
		t.Run("a secret of "+name+" is empty", func(t *testing.T) {
			t.Parallel()
			source, ref := open(t, map[string]string{"SECRET": stored})
			got, err := source.Get(t.Context(), ref("SECRET"))
			refused(t, got, err, ErrEmpty, ref("SECRET"))
		})
	}

	t.Run("a missing secret is not found", func(t *testing.T) {
		t.Parallel()
		source, ref := open(t, map[string]string{"OTHER": hidden})
		got, err := source.Get(t.Context(), ref("SECRET"))
		refused(t, got, err, ErrNotFound, ref("SECRET"))
	})

	t.Run("a canceled context ends Get", func(t *testing.T) {
		t.Parallel()
		source, ref := open(t, map[string]string{"SECRET": hidden})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := source.Get(ctx, ref("SECRET"))
		refused(t, got, err, context.Canceled, ref("SECRET"))
	})

	t.Run("concurrent reads agree", func(t *testing.T) {
		t.Parallel()
		source, ref := open(t, map[string]string{"SECRET": hidden})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if got, err := source.Get(t.Context(), ref("SECRET")); err != nil || got.Reveal() != hidden {
					t.Errorf("value = %q, error %v", got.Reveal(), err)
				}
			})
		}
		wg.Wait()
	})
}

// refused checks that the error is want, names the reference and does not contain the value.
func refused(t *testing.T, got Value, err, want error, ref string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
	if !got.IsZero() {
		t.Error("Get returns a value and an error")
	}
	if !strings.Contains(err.Error(), ref) {
		t.Errorf("error %q does not name %s", err, ref)
	}
	if strings.Contains(err.Error(), hidden) {
		t.Errorf("error %q shows a secret", err)
	}
}
