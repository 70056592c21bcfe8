package okta_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const apiToken = "token-canary"

// newClient returns a client of an Okta that is served by h.
func newClient(t *testing.T, h http.HandlerFunc) *okta.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return okta.New(options(t, server.URL))
}

func options(t *testing.T, address string) okta.Options {
	t.Helper()
	root, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return okta.Options{Root: root, Auth: okta.SSWS(testkit.NewCredential(secrets.New(apiToken))), Concurrency: 4, Clock: testkit.NewClock()}
}

// transportFunc is a function as http.RoundTripper.
type transportFunc func(r *http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newResponse returns a response to r.
func newResponse(r *http.Request, status int, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(body), Request: r}
}

// record collects "METHOD path?query" of requests.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (rec *record) add(r *http.Request) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	line := r.Method + " " + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		line += "?" + r.URL.RawQuery
	}
	rec.lines = append(rec.lines, line)
}

func (rec *record) all() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]string{}, rec.lines...)
}

const (
	userJSON     = `{"id":"00u1","status":"ACTIVE","profile":{"login":"alice@acme.test","email":"a@acme.test"}}`
	groupJSON    = `{"id":"00u1","profile":{"name":"Engineering"}}`
	roleJSON     = `{"id":"ra1","type":"USER_ADMIN","label":"Group Administrator"}`
	linkJSON     = `{"activationUrl":"https://acme.test/welcome/t1","activationToken":"t1"}`
	providerJSON = `{"id":"sse1","status":"ACTIVE","settings":{"issuer":"https://a.test","jwks_url":"https://a.test/k"}}`
	resetJSON    = `{"resetPasswordUrl":"https://acme.test/reset/t1"}`
)

// method calls one method of the client with an id.
type method struct {
	call     func(ctx context.Context, c *okta.Client, id string) error
	response string // the body of the response
	byID     bool   // id is in the path
}

// methods are all methods of the client that call Okta.
var methods = map[string]method{
	"GetUser": {func(ctx context.Context, c *okta.Client, id string) error { _, err := c.GetUser(ctx, id); return err }, userJSON, true},
	"GetUserByID": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.GetUserByID(ctx, id)
		return err
	}, userJSON, true},
	"Me": {func(ctx context.Context, c *okta.Client, _ string) error { _, err := c.Me(ctx); return err }, userJSON, false},
	"FindUsers": {func(ctx context.Context, c *okta.Client, id string) error { _, err := c.FindUsers(ctx, id); return err },
		"[" + userJSON + "]", false},
	"ListUsers": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListUsers(ctx, okta.UserQuery{Query: id}, 10)
		return err
	}, "[" + userJSON + "]", false},
	"SuspendUser":   {func(ctx context.Context, c *okta.Client, id string) error { return c.SuspendUser(ctx, id) }, "", true},
	"UnsuspendUser": {func(ctx context.Context, c *okta.Client, id string) error { return c.UnsuspendUser(ctx, id) }, "{}", true},
	"DeactivateUser": {func(ctx context.Context, c *okta.Client, id string) error { return c.DeactivateUser(ctx, id, true) },
		"{}", true},
	"ActivateUser": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ActivateUser(ctx, id, false)
		return err
	}, linkJSON, true},
	"ReactivateUser": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ReactivateUser(ctx, id, false)
		return err
	}, linkJSON, true},
	"ResetPassword": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ResetPassword(ctx, id, false)
		return err
	}, resetJSON, true},
	"SetPassword": {func(ctx context.Context, c *okta.Client, id string) error {
		return c.SetPassword(ctx, id, secrets.New("Secret-1"))
	},
		userJSON, true},
	"ListFactors": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListFactors(ctx, id)
		return err
	}, "[]", true},
	"ResetFactors": {func(ctx context.Context, c *okta.Client, id string) error { return c.ResetFactors(ctx, id) }, "", true},
	"DeleteFactor": {func(ctx context.Context, c *okta.Client, id string) error { return c.DeleteFactor(ctx, id, "ost1") }, "", true},
	"UnlockUser":   {func(ctx context.Context, c *okta.Client, id string) error { return c.UnlockUser(ctx, id) }, "", true},
	"ListBlocks": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListBlocks(ctx, id)
		return err
	}, "[]", true},
	"ExpirePassword": {func(ctx context.Context, c *okta.Client, id string) error { return c.ExpirePassword(ctx, id) }, userJSON, true},
	"ExpirePasswordWithTemporary": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ExpirePasswordWithTemporary(ctx, id, true)
		return err
	}, `{"tempPassword": "x"}`, true},
	"ListGrants": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListGrants(ctx, id)
		return err
	}, "[]", true},
	"ListClients": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListClients(ctx, id)
		return err
	}, "[]", true},
	"RevokeGrants": {func(ctx context.Context, c *okta.Client, id string) error { return c.RevokeGrants(ctx, id) }, "", true},
	"RevokeClientTokens": {func(ctx context.Context, c *okta.Client, id string) error {
		return c.RevokeClientTokens(ctx, id, "0oa1")
	}, "", true},
	"GetUserRisk": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.GetUserRisk(ctx, id)
		return err
	}, `{"riskLevel": "LOW"}`, true},
	"SetUserRisk":    {func(ctx context.Context, c *okta.Client, id string) error { return c.SetUserRisk(ctx, id, "HIGH", "") }, `{"riskLevel": "HIGH"}`, true},
	"AddGroupMember": {func(ctx context.Context, c *okta.Client, id string) error { return c.AddGroupMember(ctx, "00g1", id) }, "", true},
	"RemoveGroupMember": {func(ctx context.Context, c *okta.Client, id string) error {
		return c.RemoveGroupMember(ctx, "00g1", id)
	}, "", true},
	"ListMembershipRules": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListMembershipRules(ctx, "00g1", id)
		return err
	}, "[]", true},
	"ListEvents": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.ListEvents(ctx, okta.EventQuery{Filter: `eventType eq "x"`}, 10)
		return err
	}, "[]", false},
	"ListAPITokens": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.ListAPITokens(ctx)
		return err
	}, "[]", false},
	"ListAppScopes": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListAppScopes(ctx, id)
		return err
	}, "[]", true},
	"ListAppLinks": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListAppLinks(ctx, id)
		return err
	}, "[]", true},
	"ListUserDevices": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListUserDevices(ctx, id)
		return err
	}, "[]", true},
	"WaitForEvents": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.WaitForEvents(ctx, id, time.Time{}, nil)
		return err
	}, "[]", false},
	"UniversalLogout": {func(ctx context.Context, c *okta.Client, id string) error { return c.UniversalLogout(ctx, id) }, "", true},
	"ClearSessions":   {func(ctx context.Context, c *okta.Client, id string) error { return c.ClearSessions(ctx, id, true) }, "", true},
	"GetGroup":        {func(ctx context.Context, c *okta.Client, id string) error { _, err := c.GetGroup(ctx, id); return err }, groupJSON, true},
	"FindGroups": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.FindGroups(ctx, id)
		return err
	},
		"[" + groupJSON + "]", false},
	"QueryGroups": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.QueryGroups(ctx, id)
		return err
	},
		"[" + groupJSON + "]", false},
	"CreateGroup": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.CreateGroup(ctx, id, "a description")
		return err
	}, groupJSON, false},
	"ListUserGroups": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListUserGroups(ctx, id)
		return err
	}, "[" + groupJSON + "]", true},
	"ListRoles": {func(ctx context.Context, c *okta.Client, id string) error { _, err := c.ListRoles(ctx, id); return err }, "[" + roleJSON + "]", true},
	"ListOrgRoles": {func(ctx context.Context, c *okta.Client, _ string) error { _, err := c.ListOrgRoles(ctx); return err },
		`{"roles":[{"id":"cr01","label":"Case Responder","description":"x"}]}`, false},
	"ListAdministrators": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.ListAdministrators(ctx)
		return err
	}, `{"value":[{"id":"00u1","orn":"orn:okta:directory:00o1:users:00u1"}]}`, false},
	"ListGroupRoles": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListGroupRoles(ctx, id)
		return err
	}, "[" + roleJSON + "]", false},
	"IsLimitedRole": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.IsLimitedRole(ctx, id, okta.Role{ID: "ra1", Type: "USER_ADMIN"})
		return err
	}, "[]", true},
	"AssignRole": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.AssignRole(ctx, id, "USER_ADMIN")
		return err
	}, roleJSON, true},
	"UnassignRole": {func(ctx context.Context, c *okta.Client, id string) error { return c.UnassignRole(ctx, id, "ra1") },
		"", true},
	"ListProviders": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ListProviders(ctx, id, "SAML2", 20)
		return err
	}, "[]", false},
	"ListEventProviders": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.ListEventProviders(ctx)
		return err
	}, "[]", false},
	"CreateEventProvider": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.CreateEventProvider(ctx, okta.EventProvider{Settings: okta.EventProviderSettings{WellKnownURL: "https://a.test/w"}})
		return err
	}, providerJSON, false},
	"ReplaceEventProvider": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ReplaceEventProvider(ctx, okta.EventProvider{ID: id, Settings: okta.EventProviderSettings{Issuer: "i", JWKSURL: "https://a.test/k"}})
		return err
	}, providerJSON, true},
	"ActivateEventProvider": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.ActivateEventProvider(ctx, id)
		return err
	}, providerJSON, true},
	"DeactivateEventProvider": {func(ctx context.Context, c *okta.Client, id string) error {
		_, err := c.DeactivateEventProvider(ctx, id)
		return err
	}, providerJSON, true},
	"DeleteEventProvider": {func(ctx context.Context, c *okta.Client, id string) error { return c.DeleteEventProvider(ctx, id) }, "", true},
	"PublishSecurityEvent": {func(ctx context.Context, c *okta.Client, _ string) error {
		_, err := c.PublishSecurityEvent(ctx, secrets.New("header.claims.signature"))
		return err
	}, "", false},
	"ReadOne": {func(ctx context.Context, c *okta.Client, _ string) error { return c.ReadOne(ctx) }, "[]", false},
	"Reach":   {func(ctx context.Context, c *okta.Client, _ string) error { return c.Reach(ctx) }, `{"id":"00o1"}`, false},
}

// anonymous are the methods whose requests carry no credentials.
var anonymous = map[string]bool{"PublishSecurityEvent": true, "Reach": true}

// nonIdempotent are the methods whose writes must not happen twice.
var nonIdempotent = map[string]bool{"CreateEventProvider": true, "ExpirePasswordWithTemporary": true, "ReactivateUser": true, "ResetPassword": true, "SetPassword": true}

// wantError checks that err has this kind and code, and a message with this text and without
// secrets.
func wantError(t *testing.T, err error, kind apierr.Kind, code, text string) *apierr.Error {
	t.Helper()
	f := apierr.As(err)
	if f == nil {
		t.Errorf("no error, want %s", code)
		return &apierr.Error{}
	}
	if f.Kind != kind || f.Code != code || !strings.Contains(f.Message, text) {
		t.Errorf("error %d %s %q, want %d %s with %q", f.Kind, f.Code, f.Message, kind, code, text)
	}
	for _, secret := range []string{apiToken, "Secret-1", "header.claims.signature", "?"} {
		if strings.Contains(f.Message, secret) {
			t.Errorf("%q is in the message %q", secret, f.Message)
		}
		if secret != "?" && strings.Contains(f.Error(), secret) {
			t.Errorf("%q is in the log text %q", secret, f.Error())
		}
	}
	return f
}
