package config

import (
	"cmp"
	"strings"

	"example.com/okta-secops/internal/ssf"
)

// Transmitter has the settings of OktaTransmitter, which publishes the keys of the signals.
type Transmitter struct {
	Issuer     string // ITP_ISSUER_URL
	JWKSURL    string // ITP_JWKS_URL
	PublicKeys string // ITP_PUBLIC_KEYS_SECRET
}

// TransmitterFromEnv reads the settings of OktaTransmitter alone. The error is an *Error.
func TransmitterFromEnv(getenv func(string) string) (Transmitter, error) {
	e := env{getenv: getenv}
	t := Transmitter{
		Issuer: e.httpsURL("ITP_ISSUER_URL"), JWKSURL: e.httpsURL("ITP_JWKS_URL"),
		PublicKeys: e.ref("ITP_PUBLIC_KEYS_SECRET"),
	}
	if t.Issuer == "" {
		e.problem("ITP_ISSUER_URL is not set: give the issuer of the signals, as registered in Okta")
	}
	if e.get("ITP_PUBLIC_KEYS_SECRET") == "" {
		e.problem("ITP_PUBLIC_KEYS_SECRET is not set: give a reference to the JWK Set with the public keys")
	}
	t.JWKSURL = cmp.Or(t.JWKSURL, strings.TrimSuffix(t.Issuer, "/")+ssf.JWKSPath)
	if len(e.problems) > 0 {
		return Transmitter{}, &Error{Problems: e.problems}
	}
	return t, nil
}
