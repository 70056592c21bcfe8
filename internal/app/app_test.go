package app_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// The groups of these tests: one whose action needs Okta's credentials, and one that only signs.
var (
	calls = group("users", "okta.users.read")
	signs = group("signals")
)

func group(name string, scopes ...string) action.Group {
	return action.Group{Name: name, Signs: name == "signals", Actions: []action.Action{{Spec: action.Spec{OktaScopes: scopes}}}}
}

// vault is a secrets.Source that counts, and can fail.
type vault struct {
	mu   sync.Mutex
	get  func(ref string) (secrets.Value, error)
	refs []string
}

func (v *vault) Get(_ context.Context, ref string) (secrets.Value, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs = append(v.refs, ref)
	return v.get(ref)
}

func holds(values map[string]string) *vault {
	return &vault{get: func(ref string) (secrets.Value, error) { return secrets.Memory(values).Get(context.Background(), ref) }}
}

func settings(name string) string {
	return map[string]string{
		"OKTA_API_ROOT": "https://acme.test", "OKTA_API_TOKEN_SECRET": "token", "CALLER_AUTH": "none", "ITP_SIGNING_KEY_SECRET": "key",
	}[name]
}

// transport keeps the Authorization of the last request to Okta, and answers none.
type transport struct{ authorization string }

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.authorization = r.Header.Get("Authorization")
	return nil, io.ErrUnexpectedEOF
}

func newApp(v *vault, t *transport) *app.App {
	return app.New(app.Options{Getenv: settings, Secrets: v, Transport: t, Clock: testkit.NewClock(), Log: slog.New(slog.DiscardHandler)})
}

func deps(t *testing.T, a *app.App, g action.Group) (action.Deps, error) {
	t.Helper()
	setup, err := a.Open(g)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return setup.Deps(t.Context())
}

func TestNothingHappensBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	a := app.New(app.Options{
		Getenv:  func(name string) string { t.Errorf("%s was read", name); return "" },
		Secrets: &vault{get: func(ref string) (secrets.Value, error) { t.Errorf("%s was read", ref); return secrets.Value{}, nil }},
	})
	a.Open(calls)
	a.Open(signs)
}

func TestServingACallerReadsNoSecret(t *testing.T) {
	t.Parallel()
	v := holds(nil)
	if _, err := newApp(v, nil).Open(calls)(t.Context()); err != nil || len(v.refs) > 0 {
		t.Errorf("%v after reading %v", err, v.refs)
	}
}

func TestTheTokenIsReadOnceAndAsPeoplePasteIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"t0ken", " t0ken ", "SSWS t0ken", "ssws  t0ken", "SSWS t0ken "} {
		v, tr := holds(map[string]string{"token": text}), &transport{}
		a := newApp(v, tr)
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				if _, err := deps(t, a, calls); err != nil {
					t.Errorf("%q: %v", text, err)
				}
			})
		}
		callers.Wait()
		d, err := deps(t, a, calls)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = d.Okta.GetUser(t.Context(), "alice")
		if tr.authorization != "SSWS t0ken" || len(v.refs) != 1 {
			t.Errorf("%q: %q after reading %v", text, tr.authorization, v.refs)
		}
	}
}

func TestWhatIsNoTokenIsMisconfigured(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"two canaries", "SSWS two canaries", "canary\tcanary", "canary\ncanary", "SSWS "} {
		_, err := deps(t, newApp(holds(map[string]string{"token": text}), nil), calls)
		if f := apierr.As(err); !apierr.Is(err, apierr.Misconfigured) || !strings.Contains(f.Message, "OKTA_API_TOKEN_SECRET") || strings.Contains(f.Error(), "canar") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAFailedBuildIsNotKept(t *testing.T) {
	t.Parallel()
	v := holds(map[string]string{"token": "t0ken"})
	whole := v.get
	a := newApp(v, nil)
	for _, c := range []struct {
		err  error
		kind apierr.Kind
	}{
		{secrets.ErrNotFound, apierr.Misconfigured}, {secrets.ErrEmpty, apierr.Misconfigured}, {secrets.ErrUnsupported, apierr.Misconfigured},
		{errors.New("the store is down: canary"), apierr.Unavailable},
	} {
		v.get = func(string) (secrets.Value, error) { return secrets.Value{}, c.err }
		_, err := deps(t, a, calls)
		if f := apierr.As(err); !apierr.Is(err, c.kind) || !strings.Contains(f.Message, "OKTA_API_TOKEN_SECRET") || strings.Contains(f.Message, "canary") {
			t.Errorf("%v: %v", c.err, err)
		}
	}
	v.get = whole
	if _, err := deps(t, a, calls); err != nil {
		t.Error(err)
	}
}

// pair is a secrets.Source that answers once two secrets are asked for.
type pair struct{ asked sync.WaitGroup }

func (p *pair) Get(_ context.Context, ref string) (secrets.Value, error) {
	p.asked.Done()
	p.asked.Wait()
	return secrets.Memory{"token": "t0ken", "key": signingKey()}.Get(context.Background(), ref)
}

var signingKey = sync.OnceValue(func() string {
	key, err := keys.GenerateEC()
	if err != nil {
		panic(err)
	}
	return key.PEM().Reveal()
})

func TestSecretsAreReadSideBySide(t *testing.T) {
	t.Parallel()
	p := &pair{}
	p.asked.Add(2)
	a := app.New(app.Options{Getenv: settings, Secrets: p, Transport: &transport{}, Clock: testkit.NewClock(), Log: slog.New(slog.DiscardHandler)})
	if _, err := deps(t, a, signs); err != nil {
		t.Error(err)
	}
}

func TestAnotherSigningKeyCountsWithinFiveMinutes(t *testing.T) {
	t.Parallel()
	content := map[string]string{"token": "t0ken", "key": signingKey()}
	clock := testkit.NewClock()
	a := app.New(app.Options{Getenv: settings, Secrets: holds(content), Transport: &transport{}, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	first, err := deps(t, a, signs)
	if err != nil {
		t.Fatal(err)
	}
	next, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	content["key"] = next.PEM().Reveal()
	clock.Advance(5 * time.Minute)
	second, err := deps(t, a, signs)
	if err != nil || first.Signing.Key.Equal(next) || !second.Signing.Key.Equal(next) {
		t.Errorf("the key is still the first one: %v", err)
	}
}

func TestOnlyTheGroupThatSignsReadsTheSigningKey(t *testing.T) {
	t.Parallel()
	v := holds(map[string]string{"token": "t0ken", "key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"})
	a := newApp(v, nil)
	if _, err := deps(t, a, calls); err != nil || len(v.refs) != 1 || v.refs[0] != "token" {
		t.Errorf("%v after reading %v", err, v.refs)
	}
	_, err := deps(t, a, signs)
	if f := apierr.As(err); !apierr.Is(err, apierr.Misconfigured) || !strings.Contains(f.Message, "ITP_SIGNING_KEY_SECRET") || strings.Contains(f.Error(), "canary") {
		t.Errorf("%v", err)
	}
}
