package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Errors of a Source, wrapped with the reference and never with the value. A retry does not help:
// an operator must change the configuration.
var (
	ErrNotFound    = errors.New("not found")
	ErrEmpty       = errors.New("empty")
	ErrDenied      = errors.New("permission denied")
	ErrDisabled    = errors.New("disabled or destroyed")
	ErrUnsupported = errors.New("unsupported secret reference")
)

// Terminal reports whether reading the secret again cannot succeed.
func Terminal(err error) bool {
	for _, terminal := range []error{ErrNotFound, ErrEmpty, ErrDenied, ErrDisabled, ErrUnsupported} {
		if errors.Is(err, terminal) {
			return true
		}
	}
	return false
}

// Source returns the current value of a reference, without trailing line breaks. The error is one
// of this package, an error of ctx, or one of the service or file system; it is ErrEmpty for a
// value of white space only.
type Source interface {
	Get(ctx context.Context, ref string) (Value, error)
}

// Default returns a Store of env:NAME with getenv, file:/path in the file system and all other
// references in Secret Manager.
func Default(getenv func(string) string) Store {
	project := func() string { return getenv("GOOGLE_CLOUD_PROJECT") }
	return byScheme{env: Env{Getenv: getenv}, manager: NewSecretManager(project)}
}

type byScheme struct {
	env     Env
	file    File
	manager *SecretManager
}

func (s byScheme) Get(ctx context.Context, ref string) (Value, error) {
	switch {
	case strings.HasPrefix(ref, envScheme):
		return s.env.Get(ctx, ref)
	case strings.HasPrefix(ref, fileScheme):
		return s.file.Get(ctx, ref)
	}
	return s.manager.Get(ctx, ref)
}

const (
	idPattern      = `[A-Za-z0-9_-]+`
	versionPattern = `/versions/([1-9][0-9]*|latest)`
)

var (
	fullRef = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]*(?:/locations/([a-z0-9-]+))?/secrets/` + idPattern +
		versionPattern + `$`)
	idRef   = regexp.MustCompile(`^` + idPattern + `(` + versionPattern + `)?$`)
	envRef  = regexp.MustCompile(`^` + envScheme + `[A-Za-z_][A-Za-z0-9_]*$`)
	fileRef = regexp.MustCompile(`^` + fileScheme + `[^\x00-\x1f]+$`)
)

// CheckRef checks the syntax of a secret reference. Valid references are
//
//	projects/P/secrets/S/versions/V               V is a number or latest
//	projects/P/locations/L/secrets/S/versions/V   a regional secret
//	S, S/versions/V                               a secret of the function's project
//	file:/path
//	env:NAME
//
// The error is ErrUnsupported and does not repeat ref, which may be a secret in the wrong place.
func CheckRef(ref string) error {
	switch {
	case looksRandom(ref):
		return fmt.Errorf("%w: this looks like a secret, not like the name of one; "+
			"write a Secret Manager secret with such a name as projects/P/secrets/S/versions/V", ErrUnsupported)
	case strings.HasPrefix(ref, envScheme) && !envRef.MatchString(ref):
		return fmt.Errorf("%w: use %sNAME with the name of an environment variable", ErrUnsupported, envScheme)
	case strings.HasPrefix(ref, fileScheme) && !fileRef.MatchString(ref):
		return fmt.Errorf("%w: use %s/path with the path of a file", ErrUnsupported, fileScheme)
	case envRef.MatchString(ref), fileRef.MatchString(ref):
		return nil
	case (fullRef.MatchString(ref) || idRef.MatchString(ref)) && !slices.ContainsFunc(strings.Split(ref, "/"), tooLong):
		return nil
	}
	return fmt.Errorf("%w: use projects/P/secrets/S/versions/V, S, S/versions/V, file:/path or env:NAME", ErrUnsupported)
}

// tooLong reports whether a part of a reference is longer than the ID of a secret can be.
func tooLong(part string) bool { return len(part) > 255 }

// looksRandom reports whether ref is probably a token and not the name of a secret. Both have the
// same characters, and CheckRef must reject a token because names are sent and logged.
func looksRandom(ref string) bool {
	const (
		lower  = "abcdefghijklmnopqrstuvwxyz"
		digits = "0123456789"
	)
	return len(ref) >= 24 && !strings.ContainsAny(ref, "/:") &&
		strings.ContainsAny(ref, lower) && strings.ContainsAny(ref, strings.ToUpper(lower)) &&
		strings.ContainsAny(ref, digits)
}

// locate checks ref and returns what follows its scheme.
func locate(ctx context.Context, ref, scheme string) (string, error) {
	if err := CheckRef(ref); err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(ref, scheme)
	if !ok {
		return "", failed(ref, fmt.Errorf("%w: it does not start with %s", ErrUnsupported, scheme))
	}
	if err := ctx.Err(); err != nil {
		return "", failed(ref, err)
	}
	return rest, nil
}

// value returns the secret without the line breaks that editors and echo append.
func value(ref, version, raw string) (Value, error) {
	if strings.TrimSpace(raw) == "" {
		return Value{}, failed(ref, ErrEmpty)
	}
	text := strings.TrimRight(raw, "\r\n")
	return Value{s: &text, version: &version}, nil
}

func failed(ref string, err error) error {
	return fmt.Errorf("reading secret %s: %w", ref, err)
}
