package ssf

// The paths of the documents that a transmitter publishes.
const (
	MetadataPath = "/.well-known/ssf-configuration" // SSF 1.0, section 7.2
	JWKSPath     = "/jwks.json"
)

// Metadata is the configuration document of a transmitter that pushes its tokens and has no API for streams, as
// Okta expects one (SSF 1.0, section 7.1).
// https://openid.net/specs/openid-sharedsignals-framework-1_0-final.html
type Metadata struct {
	SpecVersion     string   `json:"spec_version"`
	Issuer          string   `json:"issuer"` // the iss of the tokens
	JWKSURI         string   `json:"jwks_uri"`
	DeliveryMethods []string `json:"delivery_methods_supported"`
}

// NewMetadata returns the metadata of a transmitter.
func NewMetadata(issuer, jwksURI string) Metadata {
	return Metadata{
		SpecVersion: "1_0", Issuer: issuer, JWKSURI: jwksURI,
		DeliveryMethods: []string{"urn:ietf:rfc:8935"}, // push
	}
}
