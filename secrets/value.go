// Package secrets holds secret values so that they cannot be printed by
// accident, and reads them from where they are kept.
package secrets

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Value is a secret that cannot be printed: every way of formatting, logging
// or encoding it gives [redacted]. Only Reveal reads it. The zero Value holds
// no secret.
type Value struct {
	_ [0]func() // not comparable: == would compare addresses, not secrets
	// A pointer, because fmt cannot call the methods of a Value that sits in
	// another struct's unexported field: it then prints the address.
	s       *string
	version *string
}

// New returns s as a secret.
func New(s string) Value { return Value{s: &s} }

// Reveal returns the secret itself. It is the one way to read it.
func (v Value) Reveal() string {
	if v.s == nil {
		return ""
	}
	return *v.s
}

// Version names what the secret was read from, in full, for the log: of Secret
// Manager the very version behind latest. It is empty for a secret of New.
func (v Value) Version() string {
	if v.version == nil {
		return ""
	}
	return *v.version
}

// Equal tells whether both hold the same secret. How long it takes does not
// depend on where they differ.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// IsZero reports whether v holds no secret or an empty one.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// String returns [redacted].
func (v Value) String() string { return redacted }

// GoString returns [redacted].
func (v Value) GoString() string { return redacted }

// Format writes [redacted] whatever the verb and flags.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns the JSON string "[redacted]".
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
