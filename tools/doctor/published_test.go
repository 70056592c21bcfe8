package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
)

// issuer publishes the documents of a transmitter.
type issuer struct {
	url  string
	jwks []byte
}

// publish starts an issuer, and deploys the function of signals with its URL and this path.
func (d *deployment) publish(jwks []byte, path string, settings map[string]string) *issuer {
	d.t.Helper()
	i := &issuer{jwks: jwks}
	server := httptest.NewServer(i)
	d.t.Cleanup(server.Close)
	i.url = server.URL + path
	d.issuer = strings.TrimPrefix(server.URL, "http://")
	for _, g := range handlers.Groups {
		if g.Signs {
			f := d.function(g)
			f.ServiceConfig.EnvironmentVariables["ITP_ISSUER_URL"] = i.url
			for name, value := range settings {
				f.ServiceConfig.EnvironmentVariables[name] = value
			}
			d.functions.Deploy(f)
		}
	}
	return i
}

// ServeHTTP implements http.Handler. The path of an issuer follows that of the metadata (SSF 1.0, section 7.2).
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base, path := "http://"+r.Host, strings.TrimPrefix(i.url, "http://"+r.Host)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == ssf.MetadataPath+path && i.jwks != nil:
		_ = json.NewEncoder(w).Encode(ssf.NewMetadata(base+path, base+"/jwks.json"))
	case r.URL.Path == "/jwks.json" && i.jwks != nil, r.URL.Path == "/elsewhere.json":
		_, _ = w.Write(i.jwks)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func newKey(t *testing.T) keys.Key {
	t.Helper()
	k, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDoctor_ComparesThePublishedKeysWithTheSigningKey(t *testing.T) {
	t.Parallel()
	signing, other := newKey(t), newKey(t)
	jwk, pem := signing.PrivateJWK("kid-1").Reveal(), signing.PEM().Reveal()
	const published = "the issuer publishes the key that signs"
	for name, c := range map[string]struct {
		jwks     []byte
		path     string
		secret   string
		settings map[string]string
		args     []string
		status   Status
		message  string
	}{
		"published":             {signing.JWKS("kid-1"), "", jwk, nil, []string{"-signing-key"}, OK, published},
		"an issuer with a path": {signing.JWKS("kid-1"), "/okta", jwk, nil, []string{"-signing-key"}, OK, published},
		"a PEM": {signing.JWKS("kid-1"), "", pem, map[string]string{"ITP_KEY_ID": "kid-1"}, []string{"-signing-key"}, OK,
			published},
		"a PEM without a kid": {signing.JWKS("kid-1"), "", pem, nil, []string{"-signing-key"}, Warning,
			"the signing key was not compared with the published keys: the key has no kid: set ITP_KEY_ID"},
		"another kid": {signing.JWKS("kid-2"), "", jwk, nil, []string{"-signing-key"}, Warning,
			"signing key: its kid kid-1 is not published"},
		"another key": {other.JWKS("kid-1"), "", jwk, nil, []string{"-signing-key"}, Warning,
			"signing key: another key is published as kid-1"},
		"without -signing-key": {other.JWKS("kid-1"), "", jwk, nil, nil, Skipped,
			"doctor reads no secret values without this flag"},
		"no documents": {nil, "", jwk, nil, []string{"-signing-key"}, Warning,
			"metadata: http://127.0.0.1:"},
		"no documents, without -signing-key": {nil, "", jwk, nil, nil, Warning, "has the status 404, not 200"},
		"no key in the secret": {signing.JWKS("kid-1"), "", "canary-password", nil, []string{"-signing-key"}, Warning,
			"ITP_SIGNING_KEY_SECRET: this is neither a PEM nor a JWK"},
		"no secret": {signing.JWKS("kid-1"), "", jwk, map[string]string{"ITP_SIGNING_KEY_SECRET": ""}, []string{"-signing-key"},
			Warning, "ITP_SIGNING_KEY_SECRET is not a reference to a secret"},
		"no issuer": {signing.JWKS("kid-1"), "", jwk, map[string]string{"ITP_ISSUER_URL": ""}, []string{"-signing-key"}, Skipped,
			"ITP_ISSUER_URL is not set: a request must give its issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployed(t)
			d.secrets.Add(secretOf("signing"), c.secret)
			d.publish(c.jwks, c.path, c.settings)
			r := d.report(0, append(c.args, "-groups", "signals")...)
			r.want(checkPublished, "okta-signals", c.status, c.message)
			for _, f := range r.Findings {
				for _, secret := range []string{jwk, pem, jwkMember(t, jwk)} {
					if strings.Contains(f.Message+f.WhatToDo, secret) {
						t.Errorf("the key is in %v", f.Check)
					}
				}
			}
		})
	}
}

// jwkMember returns the private number of a JWK.
func jwkMember(t *testing.T, jwk string) string {
	t.Helper()
	var members struct{ D string }
	if err := json.Unmarshal([]byte(jwk), &members); err != nil || members.D == "" {
		t.Fatal("no private number", err)
	}
	return members.D
}

func TestDoctor_ReadsTheJWKSOfAFlag(t *testing.T) {
	t.Parallel()
	d, signing := deployed(t), newKey(t)
	d.secrets.Add(secretOf("signing"), signing.PrivateJWK("kid-1").Reveal())
	i := d.publish(signing.JWKS("kid-1"), "", nil)
	args := []string{"-groups", "signals", "-signing-key", "-jwks", i.url + "/elsewhere.json"}
	d.report(0, args...).want(checkPublished, "okta-signals", OK, "the issuer publishes the key that signs")
	if read := d.secrets.Asked(); len(read) != 1 || !strings.HasPrefix(read[0], secretOf("signing")) {
		t.Errorf("the values of %q were read", read)
	}
	i.jwks = newKey(t).JWKS("kid-1")
	d.report(0, args...).want(checkPublished, "okta-signals", Warning, "another key is published as kid-1")
}
