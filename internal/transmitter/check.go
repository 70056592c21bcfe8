package transmitter

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
)

// Published has the URLs of the documents of a transmitter, and the values that they must have.
type Published struct {
	HTTP         *http.Client
	WellKnownURL string       // "": only the keys are checked
	Issuer       string       // that the metadata must name; "": any
	JWKSURL      string       // that the metadata must name; "": any
	Key          keys.Key     // that signs
	KeyID        string       // of Key; "": no key is compared
	Okta         *okta.Client // with whose registration the documents are compared; nil: none
}

// Finding is a result of Check.
type Finding struct {
	OK   bool
	Text string
}

// Check fetches the published documents as Okta does, and compares them with the signing key and the registration.
func Check(ctx context.Context, p Published) []Finding {
	c := &check{Published: p}
	if p.WellKnownURL != "" {
		c.metadata(ctx)
	}
	if c.JWKSURL != "" {
		c.keys(ctx)
	}
	if p.Okta != nil && c.Issuer != "" {
		c.registration(ctx)
	}
	return c.findings
}

type check struct {
	Published // completed from the metadata
	findings  []Finding
}

func (c *check) find(ok bool, format string, args ...any) {
	c.findings = append(c.findings, Finding{ok, fmt.Sprintf(format, args...)})
}

func (c *check) metadata(ctx context.Context) {
	m, err := fetchMetadata(ctx, c.HTTP, c.WellKnownURL)
	if err != nil {
		c.find(false, "metadata: %v", err)
		return
	}
	c.compare("issuer of the metadata", m.Issuer, &c.Issuer)
	c.compare("jwks_uri of the metadata", m.JWKSURI, &c.JWKSURL)
	want := ssf.NewMetadata(m.Issuer, m.JWKSURI)
	c.require("spec_version of the metadata", m.SpecVersion, want.SpecVersion)
	methods, push := strings.Join(m.DeliveryMethods, ", "), want.DeliveryMethods[0]
	if slices.Contains(m.DeliveryMethods, push) {
		methods = push
	}
	c.require("delivery_methods_supported of the metadata", methods, push)
}

// compare compares a value with the wanted one, and sets that if there is none.
func (c *check) compare(name, got string, want *string) {
	if *want == "" {
		*want = got
	}
	c.require(name, got, *want)
}

// require finds whether a value is the wanted one.
func (c *check) require(name, got, want string) {
	if got == want {
		c.find(true, "%s: %s", name, got)
		return
	}
	c.find(false, "%s: %q (must be %s)", name, got, want)
}

func (c *check) keys(ctx context.Context) {
	set, age, err := fetchKeys(ctx, c.HTTP, c.JWKSURL)
	if err != nil {
		c.find(false, "keys: %v", err)
		return
	}
	c.find(len(set.IDs()) > 0, "keys: %s has %s; copies may be used for %s", c.JWKSURL, list(set.IDs()), age)
	switch kid := c.KeyID; {
	case kid == "":
	case !slices.Contains(set.IDs(), kid):
		c.find(false, "signing key: its kid %s is not published", kid)
	case !set.Holds(c.Key, kid):
		c.find(false, "signing key: another key is published as %s; it must be its public half, with the alg %s", kid,
			c.Key.Method().Alg())
	default:
		c.find(true, "signing key: %s is published", kid)
	}
}

func (c *check) registration(ctx context.Context) {
	providers, err := c.Okta.WithScopes([]string{ReadScope}).ListEventProviders(ctx)
	if err != nil {
		c.find(false, "registration: %v", err)
		return
	}
	i := slices.IndexFunc(providers, func(p okta.EventProvider) bool { return p.Settings.Issuer == c.Issuer })
	if i < 0 {
		c.find(false, "registration: %s has no security events provider with the issuer %s; use register", c.Okta.Root(),
			c.Issuer)
		return
	}
	p := providers[i]
	c.require("status of the registration "+p.ID, p.Status, "ACTIVE")
	c.compare("JWKS URL of the registration", p.Settings.JWKSURL, &c.JWKSURL)
}
