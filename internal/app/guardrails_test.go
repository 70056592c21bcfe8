package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// policies is an App whose GUARDRAILS is a reference to a secret.
type policies struct {
	read  func(ctx context.Context) (*guardrail.Policy, error)
	clock *testkit.Clock
	vault *vault
	log   bytes.Buffer
}

func policiesOf(t *testing.T, get func(ref string) (secrets.Value, error)) *policies {
	t.Helper()
	p := &policies{clock: testkit.NewClock(), vault: &vault{get: get}}
	disable := action.Group{Name: "users", Actions: []action.Action{{Slug: "disable-user", Spec: action.Spec{Mutates: true}}}}
	a := app.New(app.Options{
		Getenv: func(name string) string {
			if name == "GUARDRAILS" {
				return "policy"
			}
			return settings(name)
		},
		Secrets: p.vault, Clock: p.clock, Log: slog.New(slog.NewTextHandler(&p.log, nil)), Groups: []action.Group{disable},
	})
	setup, err := a.Open(disable)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.read = setup.Policy
	return p
}

func (p *policies) reads() int {
	p.vault.mu.Lock()
	defer p.vault.mu.Unlock()
	return len(p.vault.refs)
}

func TestPolicy_IsReadOnceIn30Seconds(t *testing.T) {
	t.Parallel()
	p := policiesOf(t, func(string) (secrets.Value, error) { return secrets.New(`{"freeze": "x"}`), nil })
	for second := range 61 {
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				if policy, err := p.read(t.Context()); err != nil || policy.Freeze == nil {
					t.Errorf("%v, %v", policy, err)
				}
			})
		}
		callers.Wait()
		if want := 1 + second/30; p.reads() != want {
			t.Fatalf("second %d: %d reads, want %d", second, p.reads(), want)
		}
		p.clock.Advance(time.Second)
	}
	if n := strings.Count(p.log.String(), "in force"); n != 1 {
		t.Errorf("one policy is logged %d times: %s", n, p.log.String())
	}
}

// TestPolicy_FailureRefusesChangesAndIsRetried: an old policy is not used, and the reply does not
// have the cause of a failure that can pass.
func TestPolicy_FailureRefusesChangesAndIsRetried(t *testing.T) {
	t.Parallel()
	text, failure := `{}`, error(nil)
	p := policiesOf(t, func(string) (secrets.Value, error) { return secrets.New(text), failure })
	for _, c := range []struct {
		text    string
		failure error
		want    string // a part of the message; "": no error
	}{
		{`{"freeze": "x"}`, nil, ""},
		{``, errors.New("the store is down: canary"), "it cannot be read at the moment"},
		{``, secrets.ErrDenied, "permission denied"},
		{`{"freez": "canary"}`, nil, "it has a mistake, which the log names"}, // the caller is not told whom it protects
		{`{"denied_actions": ["disable-users"]}`, nil, "it has a mistake, which the log names"},
		{`{"freeze": "x"}`, nil, ""},
	} {
		text, failure = c.text, c.failure
		p.clock.Advance(30 * time.Second)
		before := p.reads()
		for range 3 {
			policy, err := p.read(t.Context())
			if c.want == "" {
				if err != nil || policy.Freeze == nil {
					t.Errorf("%s: %v, %v", c.text, policy, err)
				}
				continue
			}
			f := apierr.As(err)
			if policy != nil || !apierr.Is(err, apierr.GuardrailUnavailable) || f.Code != guardrail.CodeUnavailable ||
				!strings.HasPrefix(f.Message, "nothing was changed: the policy of the guardrails (GUARDRAILS) cannot be used: ") ||
				!strings.Contains(f.Message, c.want) || strings.Contains(f.Message, "canary") {
				t.Errorf("%s: %v, %v", c.text, policy, err)
			}
		}
		if n := p.reads() - before; n != 1 {
			t.Errorf("%s: %d reads of 3 calls", c.text, n)
		}
	}
	text = `{"freez": "x"}`
	p.clock.Advance(30 * time.Second)
	_, _ = p.read(t.Context())
	text = `{}`
	p.clock.Advance(5 * time.Second)
	if _, err := p.read(t.Context()); err != nil {
		t.Errorf("5 s after a failure: %v", err)
	}
}

func TestPolicy_CallerDoesNotWaitLongerThanItsDeadline(t *testing.T) {
	t.Parallel()
	reading, release := make(chan struct{}), make(chan struct{})
	p := policiesOf(t, func(string) (secrets.Value, error) {
		close(reading)
		<-release
		return secrets.New(`{}`), nil
	})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := p.read(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-reading
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.read(ended); !apierr.Is(err, apierr.GuardrailUnavailable) {
		t.Errorf("%v", err)
	}
	close(release)
	first.Wait()
}

func TestPolicy_LogWarnsOfRulesThatAreNotEnforced(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"mode": "observe"}`:                  "level=WARN msg=\"the mode of the guardrails is observe",
		`{"disabled_rules": ["own_identity"]}`: "level=WARN msg=\"guardrails that are always on are switched off\" rules=[own_identity]",
		`{"override": {"until": "2026-03-02T11:00:00Z", "rules": ["freeze"], "reason": "case 4711"}}`: "level=WARN msg=\"an override lifts guardrails\" rules=[freeze]",
		`{"override": {"until": "2026-03-02T09:00:00Z", "rules": ["freeze"], "reason": "case 4711"}}`: "",
		`{}`: "",
	} {
		p := policiesOf(t, func(string) (secrets.Value, error) { return secrets.New(text), nil })
		if _, err := p.read(t.Context()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := p.log.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
		if want == "" && strings.Contains(p.log.String(), "WARN") {
			t.Errorf("%s: %s", text, p.log.String())
		}
	}
}

func TestPolicy_UnchangedPolicyIsNotLoggedAgainAfterAFailedRead(t *testing.T) {
	t.Parallel()
	var failure error
	p := policiesOf(t, func(string) (secrets.Value, error) { return secrets.New(`{"freeze": "x"}`), failure })
	for _, failure = range []error{nil, errors.New("down"), nil} {
		_, _ = p.read(t.Context())
		p.clock.Advance(30 * time.Second)
	}
	if n := strings.Count(p.log.String(), "is in force"); n != 1 {
		t.Errorf("%d times: %s", n, p.log.String())
	}
}
