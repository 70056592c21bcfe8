package emulator

import (
	"crypto"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// eventMembers are the required members of the supported events, in addition to event_timestamp and
// subject.
var eventMembers = map[string][]string{
	"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": {
		"current_level", "previous_level", "reason_admin",
	},
	"https://schemas.okta.com/secevent/okta/event-type/device-risk-change": {
		"current_level", "previous_level", "reason_admin",
	},
	"https://schemas.okta.com/secevent/okta/event-type/ip-change": {
		"current_ip_address", "previous_ip_address",
	},
	"https://schemas.openid.net/secevent/caep/event-type/session-revoked":          {},
	"https://schemas.openid.net/secevent/caep/event-type/device-compliance-change": {"current_status", "previous_status"},
	"https://schemas.openid.net/secevent/risc/event-type/identifier-changed":       {"new-value"},
}

// memberValues are the valid values of members with a fixed set of values.
var memberValues = map[string][]string{
	"current_level":   {"low", "medium", "high", "secure", "none"},
	"previous_level":  {"low", "medium", "high", "secure", "none"},
	"current_status":  {"compliant", "not-compliant"},
	"previous_status": {"compliant", "not-compliant"},
}

// Signals returns the security event tokens received, in order of arrival (GET /_emulator/signals).
func (e *Emulator) Signals() []ReceivedSignal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]ReceivedSignal{}, e.org.signals...)
}

// signalError is the error of a rejected token in Okta's terms.
type signalError struct{ code, description string }

// receiveSignal implements POST /security/api/v1/security-events, which requires no credentials. It
// returns 202 with an empty body for a valid token, even if it is ignored, otherwise 400 with err
// and description.
func (e *Emulator) receiveSignal(c *oktaCall) (oktaResponse, *oktaError) {
	s := ReceivedSignal{Time: c.at}
	refused := e.verifySignal(c, &s)
	if refused == nil {
		s.Verified = true
		s.Error = e.ignored(s.Claims)
		s.Accepted = s.Error == ""
		if s.Accepted {
			e.org.apply(c, e.providerOf(fmt.Sprint(s.Claims["iss"])), s.Claims)
		}
		e.org.seenJTI[jtiKey(s.Claims)] = true
	} else {
		s.Error = refused.code + ": " + refused.description
	}
	e.org.signals = append(e.org.signals, s)
	if refused != nil {
		body := map[string]string{"err": refused.code, "description": refused.description}
		return oktaResponse{}, &oktaError{status: http.StatusBadRequest, raw: body}
	}
	return oktaResponse{status: http.StatusAccepted}, nil
}

// verifySignal checks the token and sets the fields of s from it.
func (e *Emulator) verifySignal(c *oktaCall, s *ReceivedSignal) *signalError {
	claims := jwt.MapClaims{}
	token, parts, err := jwt.NewParser().ParseUnverified(string(c.body), claims)
	if token == nil || len(parts) != 3 {
		return &signalError{"invalid_request", "The security event token cannot be parsed"}
	}
	s.Claims = claims
	s.KeyID, _ = token.Header["kid"].(string)
	media, _, mediaErr := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case mediaErr != nil || media != "application/secevent+jwt":
		return &signalError{"invalid_request", "The content type must be application/secevent+jwt"}
	case err != nil:
		return &signalError{"invalid_request", "The security event token cannot be parsed"}
	case token.Header["typ"] != "secevent+jwt":
		return &signalError{"invalid_request", "The 'typ' of the security event token must be secevent+jwt"}
	case s.KeyID == "":
		return &signalError{"invalid_request", "The 'kid' of the security event token cannot be left blank"}
	}
	issuer, _ := claims["iss"].(string)
	if p := e.providerOf(issuer); p == nil || !p.active {
		return &signalError{"invalid_issuer",
			"The issuer of the security event token is not a registered security events provider"}
	}
	if c.fetched.keys == nil {
		return &signalError{"invalid_key", "The keys of the issuer of the security event token cannot be read"}
	}
	key, ok := c.fetched.keys[s.KeyID]
	if !ok {
		return &signalError{"invalid_key", "The 'kid' of the security event token is not among the keys of its issuer"}
	}
	if err := checkSignature(string(c.body), key); err != nil {
		return &signalError{"authentication_failed", "The signature of the security event token is not valid"}
	}
	if !audience(claims["aud"], c.Request) {
		return &signalError{"invalid_audience", "The audience of the security event token must be the URL of the org"}
	}
	if problem := checkClaims(claims); problem != "" {
		return &signalError{"invalid_request", "Failed claim validation in security event token. " + problem}
	}
	return nil
}

// issuerOf returns the issuer of a token, "" if it cannot be parsed.
func issuerOf(token []byte) string {
	claims := jwt.MapClaims{}
	_, _, _ = jwt.NewParser().ParseUnverified(string(token), claims)
	issuer, _ := claims["iss"].(string)
	return issuer
}

// checkSignature verifies the signature of a token. The algorithm must be asymmetric and match the
// type of the key.
func checkSignature(token string, key crypto.PublicKey) error {
	algorithms := []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}
	_, err := jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithoutClaimsValidation()).
		Parse(token, func(*jwt.Token) (any, error) { return key, nil })
	return err
}

// audience reports whether aud, a string or a list, is the URL of the org, with or without a
// trailing slash. That is the address at which the request arrived; the Host header does not
// matter.
func audience(aud any, r *http.Request) bool {
	switch aud := aud.(type) {
	case string:
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		host, ok := strings.CutPrefix(strings.TrimSuffix(aud, "/"), scheme)
		return ok && isAddressOf(r, host)
	case []any:
		return slices.ContainsFunc(aud, func(one any) bool { return audience(one, r) })
	}
	return false
}

// checkClaims returns the problem with the first missing or invalid claim, or "".
func checkClaims(claims map[string]any) string {
	const blank = "': The field cannot be left blank"
	if jti, _ := claims["jti"].(string); jti == "" {
		return "'jti" + blank
	}
	if _, ok := claims["iat"].(float64); !ok {
		return "'iat" + blank
	}
	if _, ok := claims["exp"]; ok {
		return "'exp': The field is not allowed"
	}
	events, _ := claims["events"].(map[string]any)
	if len(events) == 0 {
		return "'events" + blank
	}
	for uri, value := range events {
		members, known := eventMembers[uri]
		if !known {
			return "'events': The event type is not supported"
		}
		event, _ := value.(map[string]any)
		if field := wrongMember(event, members); field != "" {
			return "'events." + eventName(uri) + "." + camel(field) + blank
		}
	}
	return ""
}

// wrongMember returns the name of a missing or invalid member of an event, or "".
func wrongMember(event map[string]any, members []string) string {
	if _, ok := event["event_timestamp"].(float64); !ok {
		return "event_timestamp"
	}
	if subject, _ := event["subject"].(map[string]any); subject["user"] == nil && subject["device"] == nil {
		return "subject"
	}
	for _, m := range members {
		if m == "reason_admin" {
			if !hasReason(event) {
				return m
			}
			continue
		}
		text, _ := event[m].(string)
		if values := memberValues[m]; text == "" || values != nil && !slices.Contains(values, text) {
			return m
		}
	}
	return ""
}

// hasReason reports whether the event has an English reason for admins or for users.
func hasReason(event map[string]any) bool {
	for _, member := range []string{"reason_admin", "reason_user"} {
		reason, _ := event[member].(map[string]any)
		if text, _ := reason["en"].(string); text != "" {
			return true
		}
	}
	return false
}

// eventName returns the name of an event in Okta's error descriptions, such as userRiskChangeEvent.
func eventName(uri string) string {
	return camel(uri[strings.LastIndex(uri, "/")+1:]) + "Event"
}

// camel converts snake_case and kebab-case to camelCase.
func camel(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == '_' || r == '-' })
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// ignored returns the reason for ignoring a valid token, or "". Okta does not report it to the
// sender.
func (e *Emulator) ignored(claims map[string]any) string {
	if e.org.seenJTI[jtiKey(claims)] {
		return "ignored: the jti was received before"
	}
	for _, value := range claims["events"].(map[string]any) {
		if email, isUser := subjectEmail(value); isUser && e.org.withEmail(email) == nil {
			return "ignored: no user has the e-mail address of the subject"
		}
	}
	return ""
}

// apply writes the events of a signal about a user to the System Log, and applies a change of the user's
// risk.
// https://developer.okta.com/docs/reference/api/risk-events
func (o *org) apply(c *oktaCall, p *eventProvider, claims map[string]any) {
	for uri, value := range claims["events"].(map[string]any) {
		email, _ := subjectEmail(value)
		u := o.withEmail(email)
		if u == nil {
			return
		}
		provider := principal{p.id, "SecurityEventsProvider", p.settings.Issuer, p.name}
		log := func(kind string) {
			o.record(&event{
				at: c.at.UTC(), kind: kind, result: "SUCCESS", transaction: c.id, actor: provider,
				targets: []principal{u.principal()},
			})
		}
		log("security.events.provider.receive_event")
		if level, _ := value.(map[string]any)["current_level"].(string); strings.HasSuffix(uri, "/user-risk-change") {
			if u.risk = strings.ToUpper(level); !slices.Contains(riskLevels, u.risk) {
				u.risk = "" // secure or none
			}
			u.riskReason = ""
			log("user.risk.detect")
		}
	}
}

// subjectEmail returns the e-mail address of the user whom an event concerns.
func subjectEmail(event any) (email string, isUser bool) {
	subject, _ := event.(map[string]any)["subject"].(map[string]any)
	user, isUser := subject["user"].(map[string]any)
	email, _ = user["email"].(string)
	return email, isUser
}

func jtiKey(claims map[string]any) string {
	return fmt.Sprint(claims["iss"], " ", claims["jti"])
}

// withEmail returns the user who has that e-mail address or login, nil if there is none.
func (o *org) withEmail(email string) *user {
	i := slices.IndexFunc(o.users, func(u *user) bool {
		return strings.EqualFold(u.text("email"), email) || strings.EqualFold(u.login(), email)
	})
	if i < 0 {
		return nil
	}
	return o.users[i]
}
