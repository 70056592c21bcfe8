package guardrail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/test/testkit"
)

// org is an org whose list of administrators may be old or unreadable. It counts the reads.
type org struct {
	facts
	listed, fresh []string
	super         map[string]bool
	unreadable    map[string]error

	mu    sync.Mutex
	reads map[string]int
}

func (o *org) read(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reads == nil {
		o.reads = map[string]int{}
	}
	o.reads[name]++
	return o.unreadable[name]
}

func (o *org) Owner(context.Context) (guardrail.Owner, error) {
	return guardrail.Owner{}, o.read("owner")
}

func (o *org) Administrators(_ context.Context, fresh bool) ([]string, error) {
	if fresh {
		return o.fresh, o.read("fresh")
	}
	return o.listed, o.read("listed")
}

func (o *org) Roles(_ context.Context, id string) ([]string, error) {
	if o.super[id] {
		return []string{"SUPER_ADMIN"}, o.read("roles")
	}
	return nil, o.read("roles")
}

func (o *org) Groups(context.Context, string) ([]string, error) { return nil, o.read("groups") }
func (o *org) MaybeAdministrator(context.Context, string) (bool, error) {
	return false, o.read("member")
}

// evaluate returns the codes of the refusals for a change of each user.
func (o *org) evaluate(t *testing.T, policy string, dryRun bool, e guardrail.Effects, ids ...string) []string {
	t.Helper()
	p, err := guardrail.Parse([]byte(policy), vocabulary, testkit.Now)
	if err != nil {
		t.Fatal(err)
	}
	var targets []guardrail.Target
	for _, id := range ids {
		targets = append(targets, user(id, e))
	}
	v := newGuard().Evaluate(t.Context(), p, guardrail.Call{
		Action: "disable-user", Now: testkit.Now, DryRun: dryRun, Parallel: func(n int, work func(int)) {
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() { work(i) })
			}
			all.Wait()
		},
	}, targets, o)
	defer v.Release()
	codes := make([]string, len(v.Refusals))
	for i, refused := range v.Refusals {
		if refused != nil {
			codes[i] = refused.Code
		}
	}
	return codes
}

var ends = guardrail.Effects{Deactivates: true}

// TestLastSuperAdmin_NewOneInTheSameCallIsNotAnother: the list of administrators is some minutes old,
// and lacks one of the targets.
func TestLastSuperAdmin_NewOneInTheSameCallIsNotAnother(t *testing.T) {
	t.Parallel()
	const refused = "guardrail_last_super_admin"
	for name, c := range map[string]struct {
		fresh []string
		want  []string
	}{
		"both are targets":      {[]string{"old", "new"}, []string{"", refused}},
		"a third user is there": {[]string{"old", "new", "third"}, []string{"", ""}},
	} {
		o := &org{listed: []string{"old"}, fresh: c.fresh, super: map[string]bool{"old": true, "new": true, "third": true}}
		if got := o.evaluate(t, `{}`, false, ends, "old", "new"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestLastSuperAdmin_AsksForManyAtOnce: the last of 100 administrators is the other super administrator.
func TestLastSuperAdmin_AsksForManyAtOnce(t *testing.T) {
	t.Parallel()
	o := &org{listed: []string{"old"}, super: map[string]bool{"old": true, "admin99": true}}
	for i := range 100 {
		o.listed = append(o.listed, fmt.Sprint("admin", i))
	}
	if got := o.evaluate(t, `{}`, false, ends, "old"); got[0] != "" || o.reads["fresh"] > 0 {
		t.Errorf("%q after %v", got, o.reads)
	}
}

// TestGuardrails_UnreadableMembershipAllowsNothing: without okta.roles.read, the group of all
// administrators is the only sign of one.
func TestGuardrails_UnreadableMembershipAllowsNothing(t *testing.T) {
	t.Parallel()
	notGranted := &guardrail.UnreadableError{Scope: "okta.roles.read", NotGranted: true, Err: errors.New("403")}
	for name, e := range map[string]guardrail.Effects{"last_super_admin": ends, "admin_credentials": {SetsCredential: true}} {
		o := &org{unreadable: map[string]error{"listed": notGranted, "roles": notGranted, "member": errors.New("503")}}
		if got := o.evaluate(t, `{}`, false, e, "alice"); got[0] != guardrail.CodeUnavailable {
			t.Errorf("%s: %q", name, got)
		}
		o.unreadable["member"] = nil
		if got := o.evaluate(t, `{}`, false, e, "alice"); got[0] != "" {
			t.Errorf("%s, not a member: %q", name, got)
		}
	}
}

// TestGuardrails_EachFactIsReadOncePerCall, also if it cannot be read.
func TestGuardrails_EachFactIsReadOncePerCall(t *testing.T) {
	t.Parallel()
	broken := errors.New("503")
	o := &org{unreadable: map[string]error{"owner": broken, "listed": broken}}
	users := make([]string, 50)
	for i := range users {
		users[i] = fmt.Sprint("user", i)
	}
	o.evaluate(t, `{"disabled_rules": ["last_super_admin"]}`, false, ends, users...)
	o.evaluate(t, `{"disabled_rules": ["own_identity"]}`, false, ends, users...)
	o.evaluate(t, `{"disabled_rules": ["own_identity", "last_super_admin"], "protected": [
		{"id": "a", "reason": "b", "groups": ["c"]}, {"id": "d", "reason": "e", "groups": ["f"]}]}`, false, ends, "alice")
	if o.reads["owner"] != 1 || o.reads["listed"] != 1 || o.reads["groups"] != 1 {
		t.Errorf("reads: %v", o.reads)
	}
}

// TestWholeCall_OverrideOfOneRuleLeavesTheNext: each rule that concerns the whole call is evaluated.
func TestWholeCall_OverrideOfOneRuleLeavesTheNext(t *testing.T) {
	t.Parallel()
	override := func(rule string) string {
		return `"override": {"until": "` + testkit.Now.Add(time.Hour).Format(time.RFC3339) + `", "reason": "test", "rules": ["` + rule + `"]}`
	}
	for _, c := range []struct{ policy, want string }{
		{`{"freeze": "audit", "denied_actions": ["disable-user"], ` + override("freeze") + `}`, "guardrail_denied_actions"},
		{`{"freeze": "audit", "deactivate": "deny", ` + override("freeze") + `}`, "guardrail_deactivate"},
		{`{"denied_actions": ["disable-user"], "deactivate": "deny", ` + override("denied_actions") + `}`, "guardrail_deactivate"},
		{`{"freeze": "audit", ` + override("freeze") + `}`, ""},
		{`{"freeze": "audit", "callers": {"soar": {}}}`, "guardrail_freeze"},
		{`{"callers": {"soar": {}}}`, "guardrail_denied_actions"}, // the caller has no name, so that it may be soar
	} {
		if got := (&org{}).evaluate(t, c.policy, false, ends, "alice"); got[0] != c.want {
			t.Errorf("%s: %q, want %q", c.policy, got, c.want)
		}
	}
}

// TestMaxUsersPerHour_CallThatNoHourFitsIsNotRetried: it is refused for good.
func TestMaxUsersPerHour_CallThatNoHourFitsIsNotRetried(t *testing.T) {
	t.Parallel()
	p, err := guardrail.Parse([]byte(`{"max_users_per_hour": 1}`), vocabulary, testkit.Now)
	if err != nil {
		t.Fatal(err)
	}
	v := evaluate(t, newGuard(), p, facts{}, user("00u3", guardrail.Effects{}), user("00u4", guardrail.Effects{}))
	for _, refused := range v.Refusals {
		if refused == nil || refused.Code != "guardrail_max_users_per_hour" || refused.Retryable() || refused.RetryAfter != 0 {
			t.Errorf("%+v", refused)
		}
	}
}

// TestLastSuperAdmin_DryRunDoesNotWait: it takes no administrator away, so it needs no lock.
func TestLastSuperAdmin_DryRunDoesNotWait(t *testing.T) {
	t.Parallel()
	g := newGuard()
	first := evaluate(t, g, &guardrail.Policy{}, facts{}, user("00u1", ends)) // it holds the lock
	defer first.Release()
	call := guardrail.Call{Action: "disable-user", DryRun: true, Now: testkit.Now, Parallel: func(n int, work func(int)) {
		for i := range n {
			work(i)
		}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that it would not wait
	if v := g.Evaluate(ctx, &guardrail.Policy{}, call, []guardrail.Target{user("00u1", ends)}, facts{}); v.Refusals[0] != nil {
		t.Errorf("%v", v.Refusals[0])
	}
}
