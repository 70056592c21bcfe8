package ssf

import "example.com/okta-secops/internal/keys"

// Transmitter is the signer of security event tokens, as registered in Okta.
type Transmitter struct {
	Key    keys.Key
	KeyID  string
	Issuer string // a URL
	// InSeconds sends event_timestamp in seconds, as Okta's reference has it; otherwise in
	// milliseconds, as in the product document.
	InSeconds bool
}
