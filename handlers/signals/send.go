package signals

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

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

// timestamp is a time in ISO 8601.
type timestamp struct{ time.Time }

// UnmarshalParam implements action.ParamUnmarshaler.
func (t *timestamp) UnmarshalParam(text string) (warning string, err error) {
	t.Time, err = ssf.ParseTime(text)
	return "", err
}

// severity is a risk level.
type severity string

// Allowed implements action.Allower.
func (severity) Allowed() []string { return ssf.Levels }

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

type sendParams struct {
	KeyID      keyID      `param:"Key ID" help:"The ID of the public key with which Okta verifies the signature. The default is that of the deployment."`
	PrivateKey privateKey `param:"Private Key String" alias:"Private Key" secret:"true" help:"The private key that signs the signal, as PEM with its BEGIN and END lines or as JWK, for this request only. The default is that of the deployment."`
	Email      email      `param:"User Email" required:"true" help:"The e-mail address of the affected user."`
	Timestamp  timestamp  `param:"Timestamp" required:"true" help:"The time of the event, in ISO 8601 with Z or an offset: 2025-05-25T14:47:52+02:00."`
	Reason     string     `param:"Reason" required:"true" help:"The reason for the signal, in a few words; Okta shows it to administrators."`
	Severity   severity   `param:"Severity" required:"true" help:"The risk level of the user that the signal reports. Okta decides whether to apply it."`
	Issuer     issuerURL  `param:"Issuer URL" help:"The system that created the signal, as registered in Okta. The default is that of the deployment."`
}

// sentMessage reports no more than Okta's 202: the response does not name the user, and the effect
// of a signal cannot be read from Okta.
const sentMessage = "Successfully sent the ITP signal to Okta. " +
	"Okta accepted the signal; whether it changes the risk level of the user is decided by Okta, " +
	"which also accepts signals about e-mail addresses that it does not know."

var send = action.Define(action.Spec{
	Name:    "Send ITP Signal",
	Aliases: []string{"Send ITP Signal To Okta"},
	Summary: "Send an Identity Threat Protection (ITP) signal about the risk of a user to Okta, " +
		"with the Shared Signals Framework (SSF).",
	Mutates:       true,
	NonIdempotent: true,
	Failure:       "Failed to send the ITP signal to Okta. Error is ",
	Example: action.Example{Parameters: map[string]any{
		"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52+02:00",
		"Reason": "Sign-in from an anonymizing network", "Severity": "High",
	}},
}, func(ctx context.Context, x *action.Execution, p sendParams) (*action.Result, error) {
	signer, err := signingTransmitter(x.Signing, p)
	if err != nil {
		return nil, err
	}
	signal := ssf.Signal{
		ID: signalID(x.Request.IdempotencyKey, p, signer), Issuer: signer.Issuer, Audience: x.Okta.Root(),
		Email: string(p.Email), Reason: p.Reason, Level: ssf.Level(p.Severity),
		OccurredAt: p.Timestamp.Time, IssuedAt: x.Now(),
	}
	token, err := ssf.Sign(signer.Key, signer.KeyID, signal)
	if err != nil {
		return nil, apierr.New(apierr.Internal, "internal", "the signal could not be signed", err)
	}
	words := action.Words{Noun: "signal", Changed: "Sent", Planned: "Would send"}
	result, err := x.Each(ctx, []string{string(p.Email)}, words, func(context.Context, string) (action.Plan, error) {
		return action.Plan{
			Success: action.Accepted, Email: string(p.Email),
			NotUndoable: "a signal that Okta accepted cannot be taken back",
			Write: func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
				status, err := o.PublishSecurityEvent(ctx, token)
				if err != nil {
					// The only target is the e-mail address of the request: the message needs no
					// name.
					return action.WriteResult{Message: apierr.As(err).Message}, err
				}
				return action.WriteResult{
					Value:   map[string]any{"status": status, "payload": signal.Claims()},
					Message: sentMessage,
				}, nil
			},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	result.JSON = result.Only()
	return result, nil
})

// signingTransmitter returns the signer of this signal: the key, the key ID and the issuer of the
// request, and the deployment's for those that are not given. The error lists the missing
// parameters.
func signingTransmitter(own ssf.Transmitter, p sendParams) (ssf.Transmitter, error) {
	signer := own
	if p.PrivateKey.Key.Method() != nil {
		signer.Key, signer.KeyID = p.PrivateKey.Key, p.PrivateKey.ID()
		if signer.KeyID == "" {
			signer.KeyID = own.KeyID
		}
	}
	if p.KeyID != "" {
		signer.KeyID = string(p.KeyID)
	}
	if p.Issuer != "" {
		signer.Issuer = string(p.Issuer)
	}
	var missing []action.Problem
	for _, m := range []struct {
		absent         bool
		param, setting string
	}{
		{signer.KeyID == "", "Key ID", "ITP_KEY_ID"},
		{signer.Key.Method() == nil, "Private Key String", "ITP_SIGNING_KEY_SECRET"},
		{signer.Issuer == "", "Issuer URL", "ITP_ISSUER_URL"},
	} {
		if m.absent {
			message := "is required, because the deployment does not configure one (" + m.setting + ")"
			missing = append(missing, action.Problem{Parameter: m.param, Message: message})
		}
	}
	if len(missing) > 0 {
		return signer, apierr.Invalid(missing...)
	}
	return signer, nil
}

// signalID returns the jti of a signal. It is the same if the same signal is sent again with the
// same idempotency key, so that Okta ignores the duplicate, and differs for any other signal.
func signalID(idempotencyKey string, p sendParams, signer ssf.Transmitter) string {
	if idempotencyKey == "" {
		return rand.Text()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{
		idempotencyKey, signer.Issuer, string(p.Email), p.Timestamp.String(), p.Reason, string(p.Severity),
	}))
	return base32.StdEncoding.EncodeToString(sum[:])[:26]
}
