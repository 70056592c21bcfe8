package okta_test

import (
	"net/http"
	"testing"

	"example.com/okta-secops/internal/okta"
)

func TestUsage_CountsTheLimitsOfOneInvocation(t *testing.T) {
	t.Parallel()
	limits := func(status int, limit, remaining string) stub {
		return stub{status, `{"id": "00u1", "profile": {"login": "alice@acme.test"}}`, map[string]string{
			"X-Rate-Limit-Limit": limit, "X-Rate-Limit-Remaining": remaining, "X-Rate-Limit-Reset": "1",
		}}
	}
	s := &script{stubs: []stub{
		limits(http.StatusOK, "600", "599"), // of the other invocation
		limits(http.StatusTooManyRequests, "0", "0"), limits(http.StatusTooManyRequests, "600", "0"),
		limits(http.StatusOK, "600", "300"), {http.StatusOK, `{"id": "00u1"}`, nil},
	}}
	shared := newClient(t, s.ServeHTTP)
	other, c := shared.For("other", false), shared.For("secops", false)
	for _, client := range []*okta.Client{other, c, c.ReadOnly().Planning()} {
		if _, err := client.Me(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if u := c.Usage(); u.RateLimited != 2 || u.Remaining == nil || *u.Remaining != 0 {
		t.Errorf("the usage is %+v", u)
	}
	if u := other.Usage(); u.RateLimited != 0 || u.Remaining == nil || *u.Remaining != 99 {
		t.Errorf("the usage of the other invocation is %+v", u)
	}
	if u := shared.Usage(); u != (okta.Usage{}) {
		t.Errorf("without an invocation the usage is %+v", u)
	}
}
