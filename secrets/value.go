// Package secrets reads secret values from Secret Manager, files and environment variables, in a
// type that cannot be printed by accident.
//
// Get and Refresh return the errors that Source documents. No error contains a value.
package secrets

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Value is a secret. Formatting, logging and encoding it give [redacted]; only Reveal returns the
// secret. The zero Value has no secret.
type Value struct {
	_ [0]func() // not comparable, because == would compare addresses
	// A pointer, because fmt cannot call the methods of a Value in an unexported field of another
	// struct, and then prints the address.
	s       *string
	version *string
}

// New returns s as a secret.
func New(s string) Value { return Value{s: &s} }

// Reveal returns the secret.
func (v Value) Reveal() string {
	if v.s == nil {
		return ""
	}
	return *v.s
}

// Version returns the full name of the version that was read, for the log: the number and not
// latest for Secret Manager, and otherwise the reference. It is empty for a Value from New.
func (v Value) Version() string {
	if v.version == nil {
		return ""
	}
	return *v.version
}

// Equal reports whether both contain the same secret, in constant time.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// IsZero reports whether v has no secret or an empty one.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// String returns [redacted].
func (v Value) String() string { return redacted }

// GoString returns [redacted].
func (v Value) GoString() string { return redacted }

// Format writes [redacted] for every verb and flag.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns the JSON string "[redacted]".
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
