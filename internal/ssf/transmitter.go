package ssf

import "example.com/okta-secops/internal/keys"

// Transmitter is who signs security event tokens: the key, and the names under which Okta knows it.
type Transmitter struct {
	Key    keys.Key
	KeyID  string
	Issuer string // the URL registered in Okta
}
