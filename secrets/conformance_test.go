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

// store fills a place that keeps secrets with content by name. It returns the
// source that reads the place, and what turns a name into a reference.
type store func(t *testing.T, content map[string]string) (Source, func(name string) string)

// stores lists every source there is; each must pass the same suite.
var stores = map[string]store{
	"Env":                               openEnv(func(getenv func(string) string) Source { return Env{Getenv: getenv} }),
	"Default of an env":                 openEnv(Default),
	"File":                              openFile(File{}),
	"Default of a file":                 openFile(Default(nil)),
	"Memory":                            openMemory,
	"Cached file":                       openCached(openFile(File{})),
	"Cached memory":                     openCached(openMemory),
	"Cached Secret Manager":             openCached(openManager(func(name string) string { return name })),
	"Secret Manager":                    openManager(func(name string) string { return "projects/acme/secrets/" + name + "/versions/latest" }),
	"Secret Manager of the own project": openManager(func(name string) string { return name }),
}

func openEnv(source func(getenv func(string) string) Source) store {
	return func(_ *testing.T, content map[string]string) (Source, func(string) string) {
		return source(func(name string) string { return content[name] }),
			func(name string) string { return "env:" + name }
	}
}

func openFile(source Source) store {
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

func openCached(under store) store {
	return func(t *testing.T, content map[string]string) (Source, func(string) string) {
		source, ref := under(t, content)
		return NewCached(source, time.Now, func() *slog.Logger { return slog.New(slog.DiscardHandler) }), ref
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance(t, open)
		})
	}
}

// conformance is what every Source promises.
func conformance(t *testing.T, open store) {
	values := map[string]struct{ stored, want string }{
		"plain":                     {hidden, hidden},
		"a line break at the end":   {hidden + "\n", hidden},
		"CRLF at the end":           {hidden + "\r\n", hidden},
		"several line breaks":       {hidden + "\n\r\n\n", hidden},
		"blanks are part of it":     {" " + hidden + " ", " " + hidden + " "},
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

	t.Run("a cancelled context is honoured", func(t *testing.T) {
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

// refused checks an error that names the reference and never the value.
func refused(t *testing.T, got Value, err, want error, ref string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
	if !got.IsZero() {
		t.Error("a value came with the error")
	}
	if !strings.Contains(err.Error(), ref) {
		t.Errorf("error %q does not name %s", err, ref)
	}
	if strings.Contains(err.Error(), hidden) {
		t.Errorf("error %q shows a secret", err)
	}
}
