package emulator

import (
	"crypto/sha256"
	"math/big"
	"strings"
	"time"
)

// derive returns n alphanumeric characters (at most 40) that depend only on the parts.
func derive(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return new(big.Int).SetBytes(append([]byte{1}, sum[:]...)).Text(62)[1 : n+1]
}

// newID returns an ID in Okta's format: 20 characters, of which the first three are the kind.
func newID(prefix string, parts ...string) string {
	return prefix + derive(20-len(prefix), append([]string{prefix}, parts...)...)
}

// UserID returns the ID of the user with a login.
func UserID(login string) string { return newID("00u", strings.ToLower(login)) }

// GroupID returns the ID of the only group with a name.
func GroupID(name string) string { return newID("00g", name) }

// stamp is a time in Okta's JSON format. The zero stamp is null.
type stamp time.Time

// MarshalJSON implements json.Marshaler.
func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}
