package emulator

import (
	"crypto"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenPath        = "/oauth2/v1/token"
	assertionType    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	accessTokenLife  = time.Hour
	maxAssertionLife = time.Hour
)

// registeredApp is a service app with its parsed keys.
type registeredApp struct {
	App
	keys map[string]crypto.PublicKey // by kid
}

// issuedToken is a valid access token.
type issuedToken struct {
	app     *registeredApp
	scopes  []string
	key     string // thumbprint of its DPoP key; "" for a Bearer token
	expires time.Time
}

// RegisterApp registers a service app, which stays after Reset. It replaces an app with the same
// client ID. It panics if the JWKS is not valid.
func (e *Emulator) RegisterApp(a App) {
	keys, err := parseJWKS(a.JWKS)
	if err != nil {
		panic(fmt.Sprintf("emulator: registering the app %s: %v", a.ClientID, err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apps[a.ClientID] = registeredApp{a, keys}
	e.org.addApps(e.apps)
}

// addApps adds the registered service apps to the organization.
func (o *org) addApps(registered map[string]registeredApp) {
	for id, a := range registered {
		o.apps[id] = &a
	}
}

// RevokeTokens revokes all access tokens (DELETE /_emulator/tokens).
func (e *Emulator) RevokeTokens() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.org.accessTokens)
}

// appInput is the body of POST /_emulator/app, which changes every service app until reset.
type appInput struct {
	Scopes *[]string `json:"scopes"` // granted; absent: unchanged
	DPoP   *bool     `json:"dpop"`   // required; absent: unchanged
}

func (a appInput) check() string {
	if a.Scopes == nil && a.DPoP == nil {
		return "scopes: one of scopes and dpop is required"
	}
	return ""
}

func (e *Emulator) changeApps(in appInput) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.org.apps {
		if in.Scopes != nil {
			a.Scopes = *in.Scopes
		}
		if in.DPoP != nil {
			a.DPoP = *in.DPoP
		}
	}
}

// listAppGrants implements GET /api/v1/apps/{appId}/grants: the scopes that an administrator granted to the app.
// The ID of a service app is its client ID.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationGrants/
func (e *Emulator) listAppGrants(c *oktaCall) (oktaResponse, *oktaError) {
	a := e.org.apps[c.PathValue("app")]
	if a == nil {
		return oktaResponse{}, notFound(c.PathValue("app"), "AppInstance")
	}
	bodies := []map[string]any{}
	for _, scope := range a.Scopes {
		bodies = append(bodies, map[string]any{
			"id": newID("oag", a.ClientID, scope), "status": "ACTIVE", "created": stamp(seedDay), "lastUpdated": stamp(seedDay),
			"createdBy": map[string]any{"id": e.org.owner.id, "type": "User"},
			"issuer":    c.base, "clientId": a.ClientID, "scopeId": scope, "source": "ADMIN",
		})
	}
	return oktaResponse{body: bodies}, nil
}

// oauthError is an error of the token endpoint (RFC 6749, section 5.2).
func oauthError(status int, code, description string) *oktaError {
	return &oktaError{status: status, raw: map[string]string{"error": code, "error_description": description}}
}

// badTokenRequest returns an error with status 400.
func badTokenRequest(code, description string) *oktaError {
	return oauthError(http.StatusBadRequest, code, description)
}

func invalidClient(description string) *oktaError {
	return oauthError(http.StatusUnauthorized, "invalid_client", description)
}

// issueToken implements POST /oauth2/v1/token of the org authorization server for
// client_credentials with private_key_jwt. It verifies the assertion and the DPoP proof.
func (e *Emulator) issueToken(c *oktaCall) (oktaResponse, *oktaError) {
	form, failure := c.tokenForm()
	if failure != nil {
		return oktaResponse{}, failure
	}
	a, failure := e.verifyAssertion(c, form.Get("client_assertion"))
	if failure != nil {
		return oktaResponse{}, failure
	}
	key, failure := e.dpopKey(c, a)
	if failure != nil {
		return oktaResponse{}, failure
	}
	kind := "Bearer"
	if key != "" {
		kind = "DPoP"
	}
	token := &issuedToken{
		app: a, key: key, scopes: strings.Fields(form.Get("scope")), expires: c.at.Add(accessTokenLife),
	}
	if len(token.scopes) == 0 {
		return oktaResponse{}, badTokenRequest("invalid_scope", "The scope must be given.")
	}
	for _, s := range token.scopes {
		if !slices.Contains(a.Scopes, s) {
			return oktaResponse{}, badTokenRequest("invalid_scope",
				"One or more scopes are not configured for the authorization server resource.")
		}
	}
	e.issued++
	// It looks like a token of a real org, so that checks for leaks find it.
	value := "eyJraWQi." + derive(40, "access token", c.id, strconv.Itoa(e.issued))
	e.org.accessTokens[value] = token
	return oktaResponse{body: map[string]any{
		"token_type": kind, "expires_in": int(accessTokenLife.Seconds()),
		"access_token": value, "scope": strings.Join(token.scopes, " "),
	}}, nil
}

// tokenForm returns the form of a token request.
func (c *oktaCall) tokenForm() (url.Values, *oktaError) {
	const formType = "application/x-www-form-urlencoded"
	if media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || media != formType {
		return nil, badTokenRequest("invalid_request", "The content type must be "+formType+".")
	}
	form, err := url.ParseQuery(string(c.body))
	switch {
	case err != nil:
		return nil, badTokenRequest("invalid_request", "The form cannot be read.")
	case form.Get("grant_type") != "client_credentials":
		return nil, badTokenRequest("unsupported_grant_type", "The grant type must be client_credentials.")
	case form.Get("client_assertion_type") != assertionType:
		return nil, invalidClient("The client_assertion_type must be " + assertionType + ".")
	}
	return form, nil
}

// dpopKey verifies the DPoP proof of a token request and returns the thumbprint of its key, or ""
// without a proof if the app does not require one.
func (e *Emulator) dpopKey(c *oktaCall, a *registeredApp) (string, *oktaError) {
	if len(c.Header.Values("DPoP")) == 0 {
		if a.DPoP {
			return "", badTokenRequest("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
		}
		return "", nil
	}
	p, problem := e.proofOf(c, "")
	if problem != "" {
		return "", badTokenRequest("invalid_dpop_proof", problem)
	}
	if !p.fresh(tokenServer, c.at) {
		refusal := badTokenRequest("use_dpop_nonce", "The authorization server requires a nonce in the DPoP proof.")
		refusal.header = map[string]string{"DPoP-Nonce": nonce(tokenServer, c.at)}
		return "", refusal
	}
	return p.key, nil
}

// verifyAssertion authenticates a client by its assertion (RFC 7523, section 3) and records its
// jti.
func (e *Emulator) verifyAssertion(c *oktaCall, assertion string) (*registeredApp, *oktaError) {
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(assertion, claims)
	if err != nil {
		return nil, invalidClient("The client_assertion cannot be parsed.")
	}
	issuer, _ := claims.GetIssuer()
	subject, _ := claims.GetSubject()
	expires, _ := claims.GetExpirationTime()
	jti, _ := claims["jti"].(string)
	kid, _ := token.Header["kid"].(string)
	a := e.org.apps[issuer]
	switch {
	case a == nil:
		return nil, invalidClient("The issuer of the client_assertion is not a client of this org.")
	case subject != issuer:
		return nil, invalidClient("The subject of the client_assertion must be the client id.")
	case claims["aud"] != c.base+tokenPath:
		return nil, invalidClient("The audience of the client_assertion must be the endpoint invoked for the request.")
	case expires == nil:
		return nil, invalidClient("The client_assertion must have an expiration.")
	case !c.at.Before(expires.Time):
		return nil, invalidClient("The client_assertion is expired.")
	case expires.After(c.at.Add(maxAssertionLife)):
		return nil, invalidClient("The client_assertion has an expiration too far into the future.")
	}
	key := a.keys[kid]
	if kid == "" && len(a.keys) == 1 {
		for _, only := range a.keys {
			key = only
		}
	}
	if key == nil {
		return nil, invalidClient("The kid of the client_assertion is not among the keys of the client.")
	}
	if err := checkSignature(assertion, key); err != nil {
		return nil, invalidClient("The client_assertion signature is invalid.")
	}
	if jti != "" && !e.org.useOnce("assertion", issuer, jti) {
		return nil, invalidClient("The client_assertion has been used before.")
	}
	return a, nil
}

// useOnce records a use and reports whether it is the first one with these parts.
func (o *org) useOnce(parts ...string) bool {
	key := strings.Join(parts, "\x00")
	if o.used[key] {
		return false
	}
	o.used[key] = true
	return true
}

// authorized requires credentials: an API token, which has all permissions, or an access token with
// the scope.
func (e *Emulator) authorized(scope string, h oktaHandler) oktaHandler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		scheme, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
		switch scheme {
		case "SSWS":
			if !e.org.useAPIToken(value, c.at) {
				return oktaResponse{}, errInvalidToken
			}
		case "Bearer", "DPoP":
			if failure := e.checkAccess(c, scheme, value, scope); failure != nil {
				return oktaResponse{}, failure
			}
			c.byApp = true
		default:
			return oktaResponse{}, errInvalidToken
		}
		return h(c)
	}
}

// checkAccess checks an access token (RFC 6750; RFC 9449, section 7) and its scopes.
func (e *Emulator) checkAccess(c *oktaCall, scheme, value, scope string) *oktaError {
	refuse := func(o *oktaError, code string) *oktaError {
		refusal := *o
		refusal.header = map[string]string{"WWW-Authenticate": scheme + ` error="` + code + `"`}
		return &refusal
	}
	t := e.org.accessTokens[value]
	if t == nil || !c.at.Before(t.expires) || (t.key != "") != (scheme == "DPoP") {
		return refuse(errInvalidToken, "invalid_token")
	}
	if t.key != "" {
		p, problem := e.proofOf(c, value)
		switch {
		case problem != "":
			return badProof("invalid_dpop_proof")
		case p.key != t.key:
			return refuse(errInvalidToken, "invalid_token")
		case t.app.APINonce && !p.fresh(apiServer, c.at):
			refusal := badProof("use_dpop_nonce")
			refusal.header["DPoP-Nonce"] = nonce(apiServer, c.at)
			return refusal
		}
	}
	c.clientID = t.app.ClientID
	if !slices.Contains(t.scopes, scope) {
		return refuse(errorForStatus(http.StatusForbidden), "insufficient_scope")
	}
	return nil
}

// badProof returns the response of the API to an invalid DPoP proof: a header with the reason
// and no body.
func badProof(code string) *oktaError {
	header := map[string]string{"WWW-Authenticate": `DPoP error="` + code + `"`}
	return &oktaError{status: http.StatusBadRequest, empty: true, header: header}
}

// maskForm masks the credentials of a token request.
func maskForm(body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return redacted
	}
	for _, name := range []string{"client_assertion", "client_secret"} {
		if form.Has(name) {
			form.Set(name, redacted)
		}
	}
	return form.Encode()
}
