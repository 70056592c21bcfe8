package secrets

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckRef_AcceptsReferences(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{
		"projects/acme-prod/secrets/okta-token/versions/3",
		"projects/acme-prod/secrets/okta-token/versions/latest",
		"projects/123456789012/secrets/OKTA_TOKEN/versions/latest",
		"projects/example.com:acme/secrets/t/versions/1",
		"projects/acme-prod/locations/europe-west3/secrets/okta-token/versions/latest",
		"okta-token",
		"OktaTokenOfTheProduction",
		"itp-signing-key-2025-for-production",
		"okta-token/versions/12",
		"okta-token/versions/latest",
		"file:/run/secrets/okta-token",
		"file:key.pem",
		"file:../keys/my key.pem",
		"env:OKTA_API_TOKEN",
		"env:_x1",
	} {
		if err := CheckRef(ref); err != nil {
			t.Errorf("CheckRef(%q) = %v", ref, err)
		}
	}
}

func TestCheckRef_RejectsWithoutRepeatingText(t *testing.T) {
	t.Parallel()
	token := "00" + strings.Repeat("aB3-", 10) // the shape of an API token
	for name, ref := range map[string]string{
		"nothing":                    "",
		"blanks around":              " okta-token ",
		"a token in place of a name": token,
		"a PEM":                      "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
		"a JWK":                      `{"kty":"RSA","d":"MIIEvQIBADANBg"}`,
		"no version":                 "projects/acme-prod/secrets/okta-token",
		"version 0":                  "projects/acme-prod/secrets/okta-token/versions/0",
		"a version alias":            "okta-token/versions/newest",
		"no project":                 "projects//secrets/okta-token/versions/1",
		"a name with a dot":          "okta.token",
		"a name of 256 characters":   strings.Repeat("a", 256),
		"another scheme":             "vault:okta-token",
		"a URL":                      "https://acme.test/okta-token",
		"env without a name":         "env:",
		"env with an invalid name":   "env:OKTA-API-TOKEN",
		"env with a value":           "env:OKTA_API_TOKEN=" + token,
		"file without a path":        "file:",
		"file with a line break":     "file:/run/okta\ntoken",
		"capitals in the scheme":     "ENV:OKTA_API_TOKEN",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckRef(ref)
			if !errors.Is(err, ErrUnsupported) {
				t.Fatalf("error = %v, want ErrUnsupported", err)
			}
			if _, got := Default(os.Getenv).Get(t.Context(), ref); got == nil || got.Error() != err.Error() {
				t.Errorf("Get returns %v, want %v", got, err)
			}
			if len(ref) > 5 && strings.Contains(err.Error(), ref) || strings.Contains(err.Error(), token) ||
				strings.Contains(err.Error(), "MIIEvQ") {
				t.Errorf("error %q repeats the text", err)
			}
		})
	}
}

func TestDefault_ReadsNameInSecretManager(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"okta-token", "okta-token/versions/3"} {
		got, err := Default(func(string) string { return "" }).Get(t.Context(), ref)
		refused(t, got, err, ErrUnsupported, ref)
		if !strings.Contains(err.Error(), "GOOGLE_CLOUD_PROJECT is not set") {
			t.Errorf("error = %v", err)
		}
	}
}

func TestSource_RejectsSchemeOfAnother(t *testing.T) {
	t.Parallel()
	got, err := Env{Getenv: os.Getenv}.Get(t.Context(), "file:/run/okta-token")
	refused(t, got, err, ErrUnsupported, "file:/run/okta-token")
	got, err = File{}.Get(t.Context(), "env:OKTA_API_TOKEN")
	refused(t, got, err, ErrUnsupported, "env:OKTA_API_TOKEN")
	got, err = NewSecretManager(func() string { return "acme" }).Get(t.Context(), "env:OKTA_API_TOKEN")
	refused(t, got, err, ErrUnsupported, "env:OKTA_API_TOKEN")
}

func TestFile_ReadsRegularFilesUpTo64KiB(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := strings.Repeat("a", maxFile)

	t.Run("64 KiB are read", func(t *testing.T) {
		t.Parallel()
		got, err := File{}.Get(t.Context(), "file:"+write("full", full))
		if err != nil || got.Reveal() != full {
			t.Errorf("read %d bytes, error %v", len(got.Reveal()), err)
		}
	})
	t.Run("a byte more is refused", func(t *testing.T) {
		t.Parallel()
		got, err := File{}.Get(t.Context(), "file:"+write("large", full+"a"))
		if err == nil || !got.IsZero() || !strings.Contains(err.Error(), "larger than 65536 bytes") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("a directory is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := (File{}).Get(t.Context(), "file:"+dir); err == nil || !strings.Contains(err.Error(),
			"not a regular file") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("a link is followed", func(t *testing.T) {
		t.Parallel()
		link := filepath.Join(dir, "link")
		if err := os.Symlink(write("target", hidden), link); err != nil {
			t.Skip(err)
		}
		got, err := File{}.Get(t.Context(), "file:"+link)
		if err != nil || got.Reveal() != hidden {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("a changed file is read again", func(t *testing.T) {
		t.Parallel()
		for _, want := range []string{"first", "second"} {
			got, err := File{}.Get(t.Context(), "file:"+write("rotated", want))
			if err != nil || got.Reveal() != want {
				t.Errorf("value = %q, want %q; error %v", got.Reveal(), want, err)
			}
		}
	})
	t.Run("a relative path starts at the working directory", func(t *testing.T) {
		t.Parallel()
		got, err := File{}.Get(t.Context(), "file:source_test.go")
		if err != nil || !strings.HasPrefix(got.Reveal(), "package secrets") {
			t.Errorf("error = %v", err)
		}
	})
}
