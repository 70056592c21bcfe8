package signals

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// keyParams are the parameters of the signing key.
type keyParams struct {
	KeyID      keyID      `param:"Key ID" help:"The ID of the public key with which Okta verifies the signature. The default is that of the deployment."`
	PrivateKey privateKey `param:"Private Key String" alias:"Private Key" secret:"true" help:"The private key that signs the signal, as PEM with its BEGIN and END lines or as JWK, for this request only. The default is that of the deployment."`
}

// emailParam is the parameter of the user.
type emailParam struct {
	Email email `param:"User Email" required:"true" help:"The e-mail address of the affected user."`
}

// timestampParam is the parameter of the time.
type timestampParam struct {
	Timestamp timestamp `param:"Timestamp" required:"true" help:"The time of the event: ISO 8601 with Z or an offset, such as 2025-05-25T14:47:52+02:00, or Unix seconds or milliseconds."`
}

// riskParams are the parameters of a change of risk.
type riskParams struct {
	Reason   string        `param:"Reason" required:"true" help:"The reason for the signal, in a few words; Okta shows it to administrators."`
	Severity severity      `param:"Severity" required:"true" help:"The risk level that the signal reports: low, medium or high; critical is sent as high, and informational, informative or none as low. Okta decides whether to apply it."`
	Previous previousLevel `param:"Previous Level" help:"The risk level before; the default is one level below Severity."`
}

// change returns the event of the parameters.
func (p riskParams) change(s ssf.Subject) ssf.Event {
	return ssf.RiskChange(s, ssf.Level(p.Severity), ssf.Level(p.Previous), p.Reason)
}

// issuerParam is the parameter of the issuer.
type issuerParam struct {
	Issuer issuerURL `param:"Issuer URL" help:"The system that created the signal, as registered in Okta. The default is that of the deployment."`
}

// reasonParam is the parameter of a reason that Okta does not require.
type reasonParam struct {
	Reason string `param:"Reason" help:"The reason for the signal, in a few words; Okta shows it to administrators."`
}

// userParams are the parameters of a signal about a user.
type userParams struct {
	keyParams
	emailParam
	timestampParam
	issuerParam
}

// deviceParams are the parameters of a signal about a device.
type deviceParams struct {
	keyParams
	Device deviceID `param:"Device ID" required:"true" help:"The ID of the affected device in Okta, such as guo8jx5vVoxfvJeLb0w4."`
	timestampParam
	issuerParam
}

// privateKey is a signing key as PEM or JWK.
type privateKey struct{ keys.Key }

// UnmarshalParam implements action.ParamUnmarshaler.
func (k *privateKey) UnmarshalParam(text string) (warning string, err error) {
	k.Key, err = keys.Parse(secrets.New(text))
	return "", err
}

// keyID is the ID of a signing key.
type keyID string

// UnmarshalParam implements action.ParamUnmarshaler.
func (k *keyID) UnmarshalParam(text string) (warning string, err error) {
	*k = keyID(text)
	return "", keys.CheckID(text)
}

// timestamp is a time in ISO 8601, or in Unix seconds or milliseconds.
type timestamp struct{ time.Time }

// UnmarshalParam implements action.ParamUnmarshaler.
func (t *timestamp) UnmarshalParam(text string) (warning string, err error) {
	t.Time, err = ssf.ParseTime(text)
	return "", err
}

// severity is a risk level.
type severity ssf.Level

// UnmarshalParam implements action.ParamUnmarshaler.
func (s *severity) UnmarshalParam(text string) (warning string, err error) {
	level, warning, err := ssf.ParseLevel(text)
	*s = severity(level)
	return warning, err
}

// Choices implements action.Chooser.
func (severity) Choices() []string {
	return ssf.Levels
}

// previousLevel is the risk level before; "" is one level lower.
type previousLevel string

// Allowed implements action.Allower.
func (previousLevel) Allowed() []string { return ssf.PreviousLevels }

// email is one e-mail address.
type email string

// UnmarshalParam implements action.ParamUnmarshaler.
func (e *email) UnmarshalParam(text string) (warning string, err error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok || local == "" || domain == "" || len(text) > 256 ||
		strings.ContainsAny(text, " \t\r\n<>,;") || strings.Contains(domain, "@") {
		return "", errors.New("must be one e-mail address, such as jane@example.com")
	}
	*e = email(text)
	return "", nil
}

// deviceID is the ID of a device in Okta.
type deviceID string

// UnmarshalParam implements action.ParamUnmarshaler.
func (d *deviceID) UnmarshalParam(text string) (warning string, err error) {
	if len(text) > 64 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		return "", errors.New("must be the ID of a device in Okta, such as guo8jx5vVoxfvJeLb0w4")
	}
	*d = deviceID(text)
	return "", nil
}

// issuerURL is the URL of a transmitter.
type issuerURL string

// UnmarshalParam implements action.ParamUnmarshaler.
func (i *issuerURL) UnmarshalParam(text string) (warning string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New(
			"must be the URL of the transmitter as registered in Okta, such as https://soc.example.com")
	}
	*i = issuerURL(text)
	return "", nil
}
