package secrets

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/api/option"

	"example.com/okta-secops/test/fakegcp"
)

// stores are the Stores, each with a reference to a secret without a value.
func stores(t *testing.T) map[string]func() (Store, string) {
	t.Helper()
	manager := &fakegcp.SecretManager{}
	options, stop, err := manager.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	manager.Create("projects/acme/secrets/keys")
	return map[string]func() (Store, string){
		"a file": func() (Store, string) { return Default(nil), "file:" + filepath.Join(t.TempDir(), "keys") },
		"Secret Manager": func() (Store, string) {
			return byScheme{manager: NewSecretManager(func() string { return "acme" }, options...)}, "keys"
		},
	}
}

func TestAdd_IsTheLatestValue(t *testing.T) {
	t.Parallel()
	for name, open := range stores(t) {
		s, ref := open()
		if _, err := s.Get(t.Context(), ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: before: %v", name, err)
		}
		if has, err := s.Has(t.Context(), ref); has || err != nil {
			t.Errorf("%s: before: %t %v", name, has, err)
		}
		for _, text := range []string{"first-canary", "second-canary"} {
			if err := s.Add(t.Context(), ref, New(text)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if v, err := s.Get(t.Context(), ref); err != nil || v.Reveal() != text {
				t.Errorf("%s: %v", name, err)
			}
			if has, err := s.Has(t.Context(), ref); !has || err != nil {
				t.Errorf("%s: %t %v", name, has, err)
			}
		}
	}
}

func TestAdd_ReplacesFileThatOnlyItsOwnerReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (File{}).Add(t.Context(), "file:"+path, New("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v %v", files, err)
	}
	err = (File{}).Add(t.Context(), "file:"+filepath.Join(dir, "missing", "key"), New("new-canary"))
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}

func TestAdd_Refused(t *testing.T) {
	t.Parallel()
	manager := &fakegcp.SecretManager{}
	manager.Create("projects/acme/secrets/keys")
	options := func() []option.ClientOption { return manager.Direct(nil) }
	s := byScheme{env: Env{Getenv: os.Getenv}, manager: NewSecretManager(func() string { return "acme" }, options()...)}
	for ref, want := range map[string]error{
		"env:KEYS": ErrUnsupported, "keys/versions/1": ErrUnsupported, "missing": ErrNotFound, "projects/acme/secrets/keys": ErrUnsupported,
	} {
		if err := s.Add(t.Context(), ref, New("canary")); !errors.Is(err, want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if has, err := s.Has(t.Context(), "env:NOT_SET_ANYWHERE"); has || err != nil {
		t.Errorf("an unset variable: %t %v", has, err)
	}
	manager.SetDenied(true)
	if _, err := s.Has(t.Context(), "keys"); !errors.Is(err, ErrDenied) {
		t.Errorf("denied: %v", err)
	}
	if err := s.Add(t.Context(), "keys", New("x")); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "secretVersionAdder") {
		t.Errorf("denied: %v", err)
	}
}
