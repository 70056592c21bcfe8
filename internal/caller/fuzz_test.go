package caller_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/test/fakegcp"
)

// FuzzBearer checks that every header without a token that Google has signed gets the same error.
func FuzzBearer(f *testing.F) {
	const audience, email = "https://users.run.app", "soar@acme.test"
	accounts := &fakegcp.Accounts{}
	check, err := caller.ByIDToken([]string{audience}, []string{email}, accounts)
	if err != nil {
		f.Fatal(err)
	}
	for _, header := range []string{
		"", "Bearer", "Bearer ", "bearer x", "Bearer x.y.z", "Bearer ..", "Bearer e30.e30.", "Bearer e30.e30.e30",
		"Bearer " + fakegcp.Sign(jwt.SigningMethodHS256, []byte("canary"), fakegcp.Claims(audience, email, nil)),
		"Bearer " + accounts.Token(fakegcp.Claims("https://other.run.app", email, nil)),
		"Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6Imdvb2dsZS0xIn0.e30.AA", "Bearer " +
			"eyJhbGciOiJFUzI1NiIsImtpZCI6Imdvb2dsZS0xIn0.e30.AA",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header["Authorization"] = []string{header}
		identity, err := check.Authenticate(r)
		if got := apierr.As(err); got == nil || got.Kind != apierr.Unauthenticated ||
			got.Message != "the caller is not authenticated" || identity.Mode != "" {
			t.Errorf("%q: %+v %v", header, identity, err)
		}
	})
}
