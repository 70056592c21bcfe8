package main

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/internal/transmitter"
	"example.com/okta-secops/secrets"
)

// examinePublished compares the documents that the issuer of the signals publishes with the settings and, if asked,
// with the key that signs.
func (f *Function) examinePublished(ctx context.Context, o Options, s secretClients) {
	if !f.group.Signs {
		return
	}
	issuer, err := url.Parse(f.env()["ITP_ISSUER_URL"])
	if err != nil || issuer.Host == "" {
		f.find(checkPublished, Skipped, "set ITP_ISSUER_URL", "ITP_ISSUER_URL is not set: a request must give its "+
			"issuer")
		return
	}
	p := transmitter.Published{HTTP: o.HTTP, Issuer: issuer.String(), JWKSURL: o.JWKS}
	if o.JWKS == "" {
		known := *issuer
		known.Path = ssf.MetadataPath + strings.TrimSuffix(issuer.Path, "/")
		p.WellKnownURL = known.String()
	}
	problem := ""
	if o.SigningKey {
		p.Key, p.KeyID, problem = f.readSigningKey(ctx, s)
	}
	for _, found := range transmitter.Check(ctx, p) {
		if !found.OK {
			f.find(checkPublished, Warning, "run go run ./tools/transmitter check, and follow docs/signals.md. If Okta has "+
				"another JWKS URL for this issuer, give it with -jwks", "ITP_ISSUER_URL %s: %s", issuer, found.Text)
		}
	}
	switch {
	case problem != "":
		f.find(checkPublished, Warning, "grant your account roles/secretmanager.secretAccessor on the secret, or correct it",
			"the signing key was not compared with the published keys: %s", problem)
	case !o.SigningKey && !f.found(checkPublished):
		f.find(checkPublished, Skipped, "run doctor with -signing-key",
			"the signing key was not compared with the published keys: doctor reads no secret values without this flag")
	}
	f.passed(checkPublished)
}

// readSigningKey reads the key that signs, and its kid. The problem, "" for none, does not contain the key.
func (f *Function) readSigningKey(ctx context.Context, s secretClients) (key keys.Key, kid, problem string) {
	ref, err := secrets.ResourceName(f.env()[signingKey], f.env()["GOOGLE_CLOUD_PROJECT"])
	if err != nil {
		return key, "", signingKey + " is not a reference to a secret in Secret Manager"
	}
	client, err := s.client(ctx, ref)
	if err != nil {
		return key, "", "signing in to Secret Manager: " + err.Error()
	}
	version, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: ref})
	if err != nil {
		return key, "", signingKey + ": " + ref + " cannot be read: " + status.Convert(err).Message()
	}
	key, err = keys.Parse(secrets.New(string(version.GetPayload().GetData())))
	if err != nil {
		return keys.Key{}, "", signingKey + ": " + err.Error()
	}
	if kid = cmp.Or(key.ID(), f.env()["ITP_KEY_ID"]); kid == "" {
		return key, "", "the key has no kid: set ITP_KEY_ID"
	}
	return key, kid, ""
}
