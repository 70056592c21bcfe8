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

type privateKey struct{ keys.Key }

// UnmarshalParam implements action.ParamUnmarshaler.
func (k *privateKey) UnmarshalParam(text string) (warning string, err error) {
	k.Key, err = keys.Parse(secrets.New(text))
	return "", err
}

type keyID string

// UnmarshalParam implements action.ParamUnmarshaler.
func (k *keyID) UnmarshalParam(text string) (warning string, err error) {
	*k = keyID(text)
	return "", keys.CheckID(text)
}

type timestamp struct{ time.Time }

// UnmarshalParam implements action.ParamUnmarshaler.
func (t *timestamp) UnmarshalParam(text string) (warning string, err error) {
	t.Time, err = ssf.ParseTime(text)
	return "", err
}

type severity string

// Allowed implements action.Allower.
func (severity) Allowed() []string { return ssf.Levels }

type email string

// UnmarshalParam implements action.ParamUnmarshaler.
func (e *email) UnmarshalParam(text string) (warning string, err error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok || local == "" || domain == "" || len(text) > 256 || strings.ContainsAny(text, " \t\r\n<>,;") || strings.Contains(domain, "@") {
		return "", errors.New("must be one e-mail address, such as jane@example.com")
	}
	*e = email(text)
	return "", nil
}

type issuerURL string

// UnmarshalParam implements action.ParamUnmarshaler.
func (i *issuerURL) UnmarshalParam(text string) (warning string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("must be the URL of the transmitter as registered in Okta, such as https://soc.example.com")
	}
	*i = issuerURL(text)
	return "", nil
}

type sendParams struct {
	KeyID     keyID      `param:"Key ID" help:"The ID of the public key with which Okta verifies the signature; the deployment's own where it is not given."`
	PrivateKey       privateKey `param:"Private Key String" alias:"Private Key" secret:"true" help:"The private key that signs the signal, as PEM with its BEGIN and END lines or as JWK, for this call only; the deployment's own where it is not given."`
	Email     email      `param:"User Email" required:"true" help:"The e-mail address of the affected user."`
	Timestamp timestamp  `param:"Timestamp" required:"true" help:"When it happened, in ISO 8601 with Z or an offset: 2025-05-25T14:47:52+02:00."`
	Reason    string     `param:"Reason" required:"true" help:"Why the signal was generated, in a few words; Okta shows it to administrators."`
	Severity  severity   `param:"Severity" required:"true" help:"The risk level of the user that the signal reports; Okta decides whether it applies."`
	Issuer    issuerURL  `param:"Issuer URL" help:"The system that created the signal, as registered in Okta; the deployment's own where it is not given."`
}

// sentMessage is all that Okta's 202 says: it names no user, and nothing reads back what Okta did with
// the signal.
const sentMessage = "Successfully sent the ITP signal to Okta. " +
	"Okta accepted the signal; whether it changes the risk level of the user is decided by Okta, " +
	"which also accepts signals about e-mail addresses that it does not know."

var send = action.Define(action.Spec{
	Name:    "Send ITP Signal",
	Aliases: []string{"Send ITP Signal To Okta"},
	Summary: "Send an Identity Threat Protection (ITP) signal about the risk of a user to Okta, by the Shared Signals Framework (SSF).",
	Mutates: true,
	Failure: "Failed to send the ITP signal to Okta. Error is ",
	Example: action.Example{Parameters: map[string]any{
		"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52+02:00", "Reason": "Sign-in from an anonymizing network", "Severity": "High",
	}},
}, func(ctx context.Context, c *action.Execution, p sendParams) (*action.Result, error) {
	by, err := signingTransmitter(c.Signing, p)
	if err != nil {
		return nil, err
	}
	signal := ssf.Signal{
		ID: signalID(c.Request.IdempotencyKey, p, by), Issuer: by.Issuer, Audience: c.Okta.Root(), Email: string(p.Email), Reason: p.Reason,
		Level: ssf.Level(p.Severity), OccurredAt: p.Timestamp.Time, IssuedAt: c.Now(),
	}
	token, err := ssf.Sign(by.Key, by.KeyID, signal)
	if err != nil {
		return nil, apierr.New(apierr.Internal, "internal", "the signal could not be signed", err)
	}
	words := action.Words{Noun: "signal", Changed: "Sent", Planned: "Would send"}
	result, err := c.Each(ctx, []string{string(p.Email)}, words, func(context.Context, string) (action.Plan, error) {
		return action.Plan{
			Success: action.Accepted,
			Write: func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
				status, err := o.PublishSecurityEvent(ctx, token)
				if err != nil {
					return action.WriteResult{Message: apierr.As(err).Message}, err // one target: its name would only repeat the request
				}
				return action.WriteResult{
					Value: map[string]any{"status": status, "payload": signal.Claims()},
					Message:   sentMessage,
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

// signingTransmitter is who signs this signal: the deployment, unless the call brings its own.
func signingTransmitter(own ssf.Transmitter, p sendParams) (ssf.Transmitter, error) {
	by := own
	if p.PrivateKey.Key.Method() != nil {
		by.Key, by.KeyID = p.PrivateKey.Key, p.PrivateKey.ID()
		if by.KeyID == "" {
			by.KeyID = own.KeyID
		}
	}
	if p.KeyID != "" {
		by.KeyID = string(p.KeyID)
	}
	if p.Issuer != "" {
		by.Issuer = string(p.Issuer)
	}
	var missing []action.Problem
	for _, m := range []struct {
		absent       bool
		param, where string
	}{
		{by.KeyID == "", "Key ID", "ITP_KEY_ID"},
		{by.Key.Method() == nil, "Private Key String", "ITP_SIGNING_KEY_SECRET"},
		{by.Issuer == "", "Issuer URL", "ITP_ISSUER_URL"},
	} {
		if m.absent {
			missing = append(missing, action.Problem{Parameter: m.param, Message: "is required, because the deployment has none of its own (" + m.where + ")"})
		}
	}
	if len(missing) > 0 {
		return by, apierr.Invalid(missing...)
	}
	return by, nil
}

// signalID is the jti: the same when the same signal is sent again under the same idempotency key, so that
// Okta ignores the repetition; never that of another signal, which Okta would ignore as well.
func signalID(idempotencyKey string, p sendParams, by ssf.Transmitter) string {
	if idempotencyKey == "" {
		return rand.Text()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{
		idempotencyKey, by.Issuer, string(p.Email), p.Timestamp.String(), p.Reason, string(p.Severity),
	}))
	return base32.StdEncoding.EncodeToString(sum[:])[:26]
}
