package signals

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

// logsScope is the OAuth scope for the System Log.
const logsScope = "okta.logs.read"

// spec returns the declaration of an action that sends a signal. One about a user looks the user up.
func spec(name, summary string, example map[string]any) action.Spec {
	example["Timestamp"] = "2025-05-25T14:47:52+02:00"
	var optional []string
	if example["User Email"] != nil {
		optional = []string{action.UsersScope, logsScope}
	}
	return action.Spec{
		Name: name, Summary: summary, Mutates: true, Category: action.Uncategorized, Beyond: true, OptionalScopes: optional,
		Example: action.Example{Parameters: example},
	}
}

// transmission is the sending of one signal.
type transmission struct {
	x      *action.Execution
	signer ssf.Transmitter
	event  ssf.Event
	noun   string // "the ITP signal"
}

// send signs an event at a time and sends it to Okta.
func send(
	ctx context.Context, x *action.Execution, k keyParams, issuer issuerURL, noun string, e ssf.Event, at timestamp,
) (*action.Result, error) {
	signer, err := signingTransmitter(x.Signing, k, issuer)
	if err != nil {
		return nil, err
	}
	e.OccurredAt, e.InSeconds = at.Time, signer.InSeconds
	s := transmission{x, signer, e, noun}
	s.checkAge()
	words := action.Words{Noun: "signal", Changed: "Sent", Planned: "Would send"}
	plan := func(ctx context.Context, _ string) (action.Plan, error) { return s.plan(ctx) }
	result, err := x.Each(ctx, []string{cmp.Or(e.Email, e.DeviceID)}, words, plan)
	if err != nil {
		return nil, err
	}
	result.JSON = result.Only()
	return result, nil
}

// The ages of an event beyond which it may be wrong.
const (
	mostAhead = 5 * time.Minute
	mostOld   = 7 * 24 * time.Hour
)

// checkAge warns of an event in the future, or of long ago.
func (s transmission) checkAge() {
	switch age := s.x.Now().Sub(s.event.OccurredAt); {
	case age < -mostAhead:
		s.x.Warn("Timestamp is %s ahead: check the time and its zone.", (-age).Round(time.Second))
	case age > mostOld:
		s.x.Warn("Timestamp is more than 7 days ago: check whether the signal is still of use.")
	}
}

// plan looks the user up, and plans to send the signal.
func (s transmission) plan(ctx context.Context) (action.Plan, error) {
	plan := action.Plan{
		Success: action.Accepted, Email: s.event.Email,
		NotUndoable: "a signal that Okta accepted cannot be taken back",
	}
	user, err := s.user(ctx)
	if err != nil {
		return plan, err
	}
	if user.ID != "" {
		s.event.Email = signInAddress(user)
		since := s.x.Now()
		plan.Read = func(ctx context.Context, o *okta.Client) (action.State, error) {
			return nil, received(ctx, o, user, since)
		}
	}
	signal := ssf.Signal{
		Event: s.event, ID: signalID(s.x.Request.IdempotencyKey, s.signer, s.event),
		Issuer: s.signer.Issuer, Audience: s.x.Okta.Root(), IssuedAt: s.x.Now(),
	}
	token, err := ssf.Sign(s.signer.Key, s.signer.KeyID, signal)
	if err != nil {
		return plan, apierr.New(apierr.Internal, "internal", "the signal could not be signed", err)
	}
	plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
		return s.publish(ctx, o, token, signal)
	}
	return plan, nil
}

// publish sends the token. The message claims no more than Okta's 202: the response does not name the
// user.
func (s transmission) publish(
	ctx context.Context, o *okta.Client, token secrets.Value, signal ssf.Signal,
) (action.WriteResult, error) {
	status, err := o.PublishSecurityEvent(ctx, token)
	if err != nil {
		return action.WriteResult{Message: apierr.As(err).Message}, err // the only target needs no name
	}
	about := "the user " + signal.Email
	if signal.Email == "" {
		about = "the device " + signal.DeviceID
	}
	return action.WriteResult{
		Value: map[string]any{"status": status, "payload": signal.Claims()},
		Message: fmt.Sprintf("Successfully sent %s to Okta. Okta accepted the signal for %s, "+
			"and decides later what follows from it.", s.noun, about),
	}, nil
}

// user returns the user whom the signal concerns; the zero User, with a warning, if that cannot be
// known.
func (s transmission) user(ctx context.Context) (okta.User, error) {
	reason := "the function has no credentials for Okta"
	switch {
	case s.event.Email == "":
		return okta.User{}, nil
	case s.x.Okta.HasCredentials():
		u, err := s.x.FindUser(ctx, s.event.Email)
		if !okta.LacksPermission(err) && !apierr.Is(err, apierr.Credentials) {
			return u, err
		}
		reason = strings.TrimRight(apierr.As(err).Message, ". ")
	}
	s.x.Warn("The user was not looked up: %s. Okta also accepts signals about users whom it does not know.", reason)
	return okta.User{}, nil
}

// signInAddress returns the address by which Okta finds a user: the login, if it is an address.
func signInAddress(u okta.User) string {
	if strings.Contains(u.Login, "@") {
		return u.Login
	}
	return cmp.Or(u.Email, u.Login)
}

// receivedEvent is the System Log event of a received signal.
const receivedEvent = "security.events.provider.receive_event"

// received returns an error unless the System Log has the event of a signal about a user since a time.
func received(ctx context.Context, o *okta.Client, u okta.User, since time.Time) error {
	types := []string{receivedEvent}
	found, err := o.WithScopes([]string{logsScope}).WaitForEvents(ctx, u.ID, since, types)
	if err == nil && len(found) == 0 {
		err = apierr.Errorf(apierr.NotFound, "not_logged",
			"the System Log has no event %s about the user after %s; it may be late", receivedEvent, okta.EventWait)
	}
	return err
}

// signingTransmitter returns the signer of this signal: the key, the key ID and the issuer of the
// request, and the deployment's for those that are not given. The error lists the missing
// parameters.
func signingTransmitter(own ssf.Transmitter, k keyParams, issuer issuerURL) (ssf.Transmitter, error) {
	signer := own
	if k.PrivateKey.Key.Method() != nil {
		signer.Key, signer.KeyID = k.PrivateKey.Key, cmp.Or(k.PrivateKey.ID(), own.KeyID)
	}
	signer.KeyID, signer.Issuer = cmp.Or(string(k.KeyID), signer.KeyID), cmp.Or(string(issuer), own.Issuer)
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
func signalID(idempotencyKey string, signer ssf.Transmitter, e ssf.Event) string {
	if idempotencyKey == "" {
		return rand.Text()
	}
	content, _ := json.Marshal([]any{idempotencyKey, signer.Issuer, e.Claims()})
	sum := sha256.Sum256(content)
	return base32.StdEncoding.EncodeToString(sum[:])[:26]
}

// notAChange returns the error of a change to the same value.
func notAChange(parameter, before string) error {
	return apierr.Invalid(action.Problem{Parameter: parameter, Message: "must differ from " + before})
}
