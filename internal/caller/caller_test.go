package caller_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/test/fakegcp"
)

func TestLoopback_AcceptsLoopbackConnectionsOnly(t *testing.T) {
	t.Parallel()
	auth := caller.Loopback()
	for _, c := range []struct {
		remote, local, host string
		accepted            bool
	}{
		{"127.0.0.1:1", "127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1:1", "127.0.0.1:8080", "localhost:8080", true},
		{"127.0.0.1:1", "127.0.0.1:80", "LOCALHOST", true},
		{"[::1]:1", "[::1]:8080", "[::1]:8080", true},
		{"[::ffff:127.0.0.1]:1", "127.0.0.1:8080", "127.0.0.1:8080", true},
		{"[::1]:1", "[::1]:80", "[::1]", true},
		{"127.0.0.1:1", "", "127.0.0.1", true},

		{"192.0.2.1:1", "127.0.0.1:8080", "127.0.0.1:8080", false},
		{"192.0.2.1:1", "192.0.2.2:8080", "127.0.0.1:8080", false},
		{"127.0.0.1:1", "192.0.2.2:8080", "127.0.0.1:8080", false}, // forwarded to another interface
		{"", "127.0.0.1:8080", "127.0.0.1:8080", false},
		{"127.0.0.1", "127.0.0.1:8080", "127.0.0.1:8080", false},
		{"localhost:1", "127.0.0.1:8080", "127.0.0.1:8080", false},

		{"127.0.0.1:1", "127.0.0.1:8080", "evil.test:8080", false}, // DNS rebinding
		{"127.0.0.1:1", "127.0.0.1:8080", "127.0.0.1.evil.test", false},
		{"127.0.0.1:1", "127.0.0.1:8080", "", false},
		{"127.0.0.1:1", "127.0.0.1:8080", "127.0.0.1", false},
		{"127.0.0.1:1", "127.0.0.1:8080", "127.0.0.1:80", false},
		{"127.0.0.1:1", "127.0.0.1:8080", "127.0.0.2:8080", false},
		{"127.0.0.1:1", "127.0.0.1:8080", "[::1]:8080", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.local != "" {
			address, err := net.ResolveTCPAddr("tcp", c.local)
			if err != nil {
				t.Fatal(err)
			}
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, address))
		}
		identity, err := auth.Authenticate(r)
		if (err == nil) != c.accepted || err != nil && !apierr.Is(err, apierr.Forbidden) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && (identity.Mode != caller.None || identity.Name != "" || identity.May("disable-user") != nil) {
			t.Errorf("%+v: %+v", c, identity)
		}
	}
}

func TestOwnPage_RefusesForeignOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		origins  []string
		accepted bool
	}{
		{nil, true},
		{[]string{"http://127.0.0.1:8080"}, true},
		{[]string{"http://localhost:8080"}, false},
		{[]string{"https://127.0.0.1:8080"}, false},
		{[]string{"http://127.0.0.1:8081"}, false},
		{[]string{"null"}, false},
		{[]string{""}, false},
		{[]string{"http://127.0.0.1:8080", "https://evil.test"}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8080/", nil)
		r.Header["Origin"] = c.origins
		if err := caller.OwnPage(r); (err == nil) != c.accepted || err != nil && !apierr.Is(err, apierr.Forbidden) {
			t.Errorf("%q: %v", c.origins, err)
		}
	}
}

// Unicode folds U+017F to s and U+212A to k, which would accept another address.
func TestIDToken_ComparesEmailsInASCII(t *testing.T) {
	t.Parallel()
	const audience = "https://users.run.app"
	accounts := &fakegcp.Accounts{}
	check, err := caller.ByIDToken([]string{audience}, []string{"Soar-Kit@acme.test", "jürgen@acme.test"}, accounts)
	if err != nil {
		t.Fatal(err)
	}
	for email, name := range map[string]string{
		"soar-kit@acme.test": "soar-kit@acme.test", "SOAR-KIT@ACME.TEST": "soar-kit@acme.test",
		"JürGEN@acme.test":        "jürgen@acme.test",
		"\u017foar-kit@acme.test": "", "soar-\u212ait@acme.test": "", "JÜRGEN@acme.test": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer "+accounts.Token(fakegcp.Claims(audience, email, nil)))
		identity, err := check.Authenticate(r)
		if (err == nil) != (name != "") || identity.Name != name {
			t.Errorf("%s: %+v %v", email, identity, err)
		}
	}
}
