package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Errors of a Source. They come wrapped with the reference, never with the
// value. They call for a change of the configuration, not for a retry.
var (
	ErrNotFound    = errors.New("not found")
	ErrEmpty       = errors.New("empty")
	ErrDenied      = errors.New("permission denied")
	ErrDisabled    = errors.New("disabled or destroyed")
	ErrUnsupported = errors.New("unsupported secret reference")
)

// Terminal reports whether reading a secret again cannot cure the error.
func Terminal(err error) bool {
	for _, terminal := range []error{ErrNotFound, ErrEmpty, ErrDenied, ErrDisabled, ErrUnsupported} {
		if errors.Is(err, terminal) {
			return true
		}
	}
	return false
}

// Source gives the current value behind a reference. Trailing line breaks are
// not part of the value; a blank value is ErrEmpty.
type Source interface {
	Get(ctx context.Context, ref string) (Value, error)
}

// Default returns the source for the references of a configuration. The
// scheme of the reference chooses: env:NAME is read with getenv, file:/path
// from the disk, all others from Secret Manager.
func Default(getenv func(string) string) Source {
	return byScheme{env: Env{Getenv: getenv}, manager: NewSecretManager(func() string { return getenv("GOOGLE_CLOUD_PROJECT") })}
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
	idPattern      = `[A-Za-z0-9_-]{1,255}`
	versionPattern = `/versions/([1-9][0-9]*|latest)`
)

var (
	fullRef = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]*(?:/locations/([a-z0-9-]{1,63}))?/secrets/` + idPattern + versionPattern + `$`)
	idRef   = regexp.MustCompile(`^` + idPattern + `(` + versionPattern + `)?$`)
	envRef  = regexp.MustCompile(`^` + envScheme + `[A-Za-z_][A-Za-z0-9_]*$`)
	fileRef = regexp.MustCompile(`^` + fileScheme + `[^\x00-\x1f]+$`)
)

// CheckRef reports whether ref is a secret reference: one of
//
//	projects/P/secrets/S/versions/V               V is a number or latest
//	projects/P/locations/L/secrets/S/versions/V   a regional secret
//	S, S/versions/V                               a secret of the own project
//	file:/path
//	env:NAME
//
// It looks at the syntax only. An error is ErrUnsupported and does not repeat
// ref, which may be the secret itself, put in the wrong place.
func CheckRef(ref string) error {
	switch {
	case looksRandom(ref):
		return fmt.Errorf("%w: this looks like a secret, not like the name of one; "+
			"a Secret Manager secret of such a name is written projects/P/secrets/S/versions/V", ErrUnsupported)
	case strings.HasPrefix(ref, envScheme) && !envRef.MatchString(ref):
		return fmt.Errorf("%w: after %s comes the name of an environment variable", ErrUnsupported, envScheme)
	case strings.HasPrefix(ref, fileScheme) && !fileRef.MatchString(ref):
		return fmt.Errorf("%w: after %s comes the path of a file", ErrUnsupported, fileScheme)
	case envRef.MatchString(ref), fileRef.MatchString(ref), fullRef.MatchString(ref), idRef.MatchString(ref):
		return nil
	}
	return fmt.Errorf("%w: use projects/P/secrets/S/versions/V, S, S/versions/V, file:/path or env:NAME", ErrUnsupported)
}

// looksRandom tells a token from the bare name of a secret. Both are made of
// the same characters, and a token taken for a name would be sent and logged.
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
		return "", failed(ref, fmt.Errorf("%w: want %s", ErrUnsupported, scheme))
	}
	if err := ctx.Err(); err != nil {
		return "", failed(ref, err)
	}
	return rest, nil
}

// value drops what an editor or echo leaves at the end of a secret.
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
