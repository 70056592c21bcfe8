package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

type allowAll struct{}

func (allowAll) Authenticate(*http.Request) (caller.Identity, error) { return caller.Identity{}, nil }

type users struct {
	action.NamedUserIDs
}

// TestReplay_ReleasesTheMemoryOfResponses: a process holds at most 48 MiB of objects for results,
// and each replay of this action holds 20 MiB.
func TestReplay_ReleasesTheMemoryOfResponses(t *testing.T) {
	t.Parallel()
	org := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"id": "00u1", "status": "ACTIVE", "profile": {"login": "alice@acme.test"}}`)
	}))
	t.Cleanup(org.Close)
	root, err := url.Parse(org.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := okta.New(okta.Options{Root: root, Auth: okta.SSWS(testkit.NewCredential(secrets.New("token"))), Concurrency: 1})
	a := action.Define(action.Spec{Name: "Do Something", Summary: "Does something.", Mutates: true, Category: action.UpdatesIdentity, ReadBack: true},
		func(ctx context.Context, c *action.Execution, p users) (*action.Result, error) {
			return c.EachUser(ctx, p.Users, action.UserWork{Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
				return action.Plan{Before: action.StatusOf(u)}, c.Okta.Keep(20 << 20)
			}})
		})
	g := action.Group{Name: "things", Function: "OktaThings", Actions: []action.Action{a}}
	log := slog.New(slog.DiscardHandler)
	records := idempotency.New(&idempotency.Memory{}, time.Now, idempotency.LeaseDuration)
	h := httpapi.Handler(g, []action.Group{g}, func(context.Context) (httpapi.Setup, error) {
		return httpapi.Setup{
			Caller: allowAll{}, Deadline: time.Minute, Log: log, InFlight: httpapi.NewInFlightLimiter(1),
			Audit: audit.New(func() *slog.Logger { return log }, "", false), Idempotency: records,
			Deps: func(context.Context) (action.Deps, error) {
				return action.Deps{Okta: client, MaxTargets: 1, Workers: 1, Log: log, Now: time.Now, Guardrails: action.NewGuardrails(nil, guardrail.NewCounter(&guardrail.Memory{}, time.Now))}, nil
			},
		}, nil
	})
	for i := range 4 {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", strings.NewReader(`{"parameters": {"User IDs": "alice"}}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "one")
		h.ServeHTTP(w, r)
		if replayed := w.Header().Get("Idempotency-Replayed") == "true"; w.Code != http.StatusOK || replayed != (i > 0) {
			t.Fatalf("request %d: %d %s", i, w.Code, w.Body)
		}
	}
	if err := client.For("another caller", false).Keep(47 << 20); err != nil {
		t.Errorf("after three replays: %v", err)
	}
}
