package guardrail_test

import (
	"context"
	"testing"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/test/testkit"
)

// facts fails in one of its reads with a panic, or returns what every user is.
type facts struct{ panics string }

func (f facts) fact(name string) {
	if f.panics == name {
		panic("canary")
	}
}

func (f facts) Owner(context.Context) (guardrail.Owner, error) {
	f.fact("owner")
	return guardrail.Owner{ID: "00uOwner"}, nil
}

func (f facts) Administrators(context.Context, bool) ([]string, error) {
	f.fact("administrators")
	return []string{"00u1", "00u2"}, nil
}

func (f facts) Roles(context.Context, string) ([]string, error) {
	f.fact("roles")
	return []string{"SUPER_ADMIN"}, nil
}

func (f facts) Active(context.Context, string) (bool, error)     { return true, nil }
func (f facts) Groups(context.Context, string) ([]string, error) { return nil, nil }
func (f facts) GroupRoles(context.Context, string) ([]string, error) {
	return []string{"ORG_ADMIN", "SUPER_ADMIN"}, nil
}
func (f facts) MaybeAdministrator(context.Context, string) (bool, error) { return false, nil }

func evaluate(t *testing.T, g *guardrail.Guard, p *guardrail.Policy, f facts, targets ...guardrail.Target) *guardrail.Verdict {
	t.Helper()
	return g.Evaluate(t.Context(), p, guardrail.Call{
		Action: "disable-user", Now: testkit.Now, Parallel: func(n int, work func(int)) {
			for i := range n {
				work(i)
			}
		},
	}, targets, f)
}

func newGuard() *guardrail.Guard {
	return guardrail.NewGuard(guardrail.NewCounter(&guardrail.Memory{}, time.Now))
}

func user(id string, e guardrail.Effects) guardrail.Target {
	return guardrail.Target{Identity: id, UserID: id, Names: []string{id}, Active: true, Effects: e}
}

// TestEvaluate_PanicAllowsNothing: a rule that panics refuses its target and frees the lock.
func TestEvaluate_PanicAllowsNothing(t *testing.T) {
	t.Parallel()
	g := newGuard()
	for _, name := range []string{"owner", "roles"} {
		v := evaluate(t, g, &guardrail.Policy{}, facts{name}, user("00u1", guardrail.Effects{Deactivates: true}))
		if v.Refusals[0] == nil || v.Refusals[0].Kind != apierr.Internal {
			t.Errorf("%s: %v", name, v.Refusals[0])
		}
		v.Release()
	}
	func() {
		defer func() { _ = recover() }()
		evaluate(t, g, &guardrail.Policy{}, facts{"administrators"}, user("00u1", guardrail.Effects{Deactivates: true}))
		t.Error("the run goes on")
	}()
	evaluate(t, g, &guardrail.Policy{}, facts{}, user("00u1", guardrail.Effects{Deactivates: true})).Release()
}

// TestEvaluate_GroupsGrantTheirRoles: joining a group counts as being assigned its roles, and leaving one as losing them.
func TestEvaluate_GroupsGrantTheirRoles(t *testing.T) {
	t.Parallel()
	p, err := guardrail.Parse([]byte(`{"assignable_roles": ["ORG_ADMIN"]}`), vocabulary, testkit.Now)
	if err != nil {
		t.Fatal(err)
	}
	joins := user("00u3", guardrail.Effects{JoinsGroups: []string{"00g1"}})
	v := evaluate(t, newGuard(), p, facts{}, joins, user("00u4", guardrail.Effects{ResetsFactors: true}))
	v.Release()
	for i, code := range []string{"guardrail_assignable_roles", "guardrail_admin_credentials"} {
		if v.Refusals[i] == nil || v.Refusals[i].Code != code {
			t.Errorf("%v, want %s", v.Refusals[i], code)
		}
	}
	leaves := guardrail.Effects{LeavesGroups: []string{"00g1"}}
	v = evaluate(t, newGuard(), &guardrail.Policy{}, facts{}, user("00u1", leaves), user("00u2", leaves))
	v.Release()
	if v.Refusals[0] != nil || v.Refusals[1] == nil || v.Refusals[1].Code != "guardrail_last_super_admin" {
		t.Errorf("%v", v.Refusals)
	}
}
