package action_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

func TestPanic_FailsOneTarget(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	d := deps()
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	result, err := each(t, t.Context(), d, action.Options{}, true, []string{"changed1", "panic", "changed2"}, byName)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"changed", "failed", "changed"}, outcomes(result)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&action.TargetError{Code: "internal", Message: "an unexpected error occurred"}, result.Targets[1].Error); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if text := log.String(); !strings.Contains(text, "canary-of-the-panic") || !strings.Contains(text, "action_test.go") {
		t.Errorf("the log lacks the panic and its stack: %s", text)
	}
}

func TestPanic_OfActionIsAnError(t *testing.T) {
	t.Parallel()
	a := action.Define(action.Spec{Name: "Try It", Summary: "Try it."}, func(_ context.Context, x *action.Execution, _ struct{}) (*action.Result, error) {
		x.Warn("%d thing", 1)
		panic("canary")
	})
	inv, _ := a.Bind(action.Request{})
	result, err := inv.Run(t.Context(), deps(), action.Run{})
	if !apierr.Is(err, apierr.Internal) || strings.Contains(apierr.As(err).Message, "canary") {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]string{"1 thing"}, result.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// users declares an action on users; runs counts the calls of plan.
func users(runs *atomic.Int32, plan func(ctx context.Context, x *action.Execution, u okta.User) (action.Plan, error)) action.Action {
	type params struct {
		Users action.Users `param:"User IDs" help:"Users."`
	}
	return action.Define(action.Spec{Name: "Try It", Summary: "Try it.", Mutates: true, Category: action.UpdatesIdentity}, func(ctx context.Context, x *action.Execution, p params) (*action.Result, error) {
		return x.EachUser(ctx, p.Users, action.UserWork{
			Words: action.Words{Changed: "Changed"},
			Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
				runs.Add(1)
				return plan(ctx, x, u)
			},
		})
	})
}

func TestPanic_InLookupFailsTheUser(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	inv, err := users(&runs, nil).Bind(action.Request{Parameters: map[string]any{"User IDs": "alice, bob"}})
	if err != nil {
		t.Fatal(err)
	}
	result, err := inv.Run(t.Context(), deps(), action.Run{}) // without an Okta client
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"failed", "failed"}, outcomes(result)); diff != "" || runs.Load() > 0 {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// A plan must not write. If an action does, a dry run still sends no write to Okta.
func TestDryRun_CannotWrite(t *testing.T) {
	t.Parallel()
	var writes atomic.Int32
	org := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		fmt.Fprint(w, `{"id": "00u1", "status": "ACTIVE", "profile": {"login": "alice@acme.test"}}`)
	}))
	t.Cleanup(org.Close)
	root, err := url.Parse(org.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := deps()
	d.Okta = okta.New(okta.Options{Root: root, Auth: okta.SSWS(testkit.NewCredential(secrets.New("token"))), Concurrency: 1})
	var runs atomic.Int32
	a := users(&runs, func(ctx context.Context, x *action.Execution, u okta.User) (action.Plan, error) {
		return action.Plan{}, x.Okta.SuspendUser(ctx, u.ID)
	})
	for _, c := range []struct {
		dryRun   bool
		readOnly string
		warnings []string
	}{
		{true, "", nil},
		{false, "nothing is written here", []string{"nothing is written here"}},
		{true, "nothing is written here", nil},
	} {
		inv, err := a.Bind(action.Request{Parameters: map[string]any{"User IDs": "alice"}, Options: action.Options{DryRun: c.dryRun}})
		if err != nil {
			t.Fatal(err)
		}
		d.ReadOnly = c.readOnly
		runs.Store(0)
		result, err := inv.Run(t.Context(), d, action.Run{})
		if err != nil {
			t.Fatal(err)
		}
		if writes.Load() != 0 || runs.Load() != 1 || result.Targets[0].Error == nil || result.Targets[0].Error.Code != "internal" {
			t.Errorf("%+v: %d writes, outcomes %v", c, writes.Load(), outcomes(result))
		}
		if !slices.Equal(result.Warnings, c.warnings) {
			t.Errorf("%+v: warnings %q", c, result.Warnings)
		}
	}
}

func TestTargets_RunInParallel(t *testing.T) {
	t.Parallel()
	d := deps()
	d.Workers = 3
	var inFlight, most, started atomic.Int32
	three := make(chan struct{}) // closed when three run in parallel
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("changed%d", i))
	}
	result, err := each(t, t.Context(), d, action.Options{}, true, names, func(ctx context.Context, name string) (action.Plan, error) {
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if started.Add(1) == 3 {
			close(three)
		}
		<-three
		return byName(ctx, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	if most.Load() != 3 {
		t.Errorf("%d targets ran in parallel, want 3", most.Load())
	}
	for i, target := range result.Targets {
		if target.Input != names[i] {
			t.Fatalf("target %d is %s", i, target.Input)
		}
	}
}

func TestWarnings_AreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	type params struct{}
	a := action.Define(action.Spec{Name: "Try It", Summary: "Try it."}, func(ctx context.Context, x *action.Execution, _ params) (*action.Result, error) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { x.Warn("warning %d", i) })
		}
		all.Wait()
		return &action.Result{Warnings: []string{"the last"}}, nil
	})
	inv, _ := a.Bind(action.Request{})
	result, err := inv.Run(t.Context(), deps(), action.Run{})
	if err != nil || len(result.Warnings) != 51 || result.Warnings[50] != "the last" {
		t.Errorf("%v, warnings %v", err, result.Warnings)
	}
}

func TestDeadline_LaterTargetsAreNotStarted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := deps()
	d.Workers = 1
	result, err := each(t, ctx, d, action.Options{}, true, []string{"changed1", "changed2", "changed3"}, func(ctx context.Context, name string) (action.Plan, error) {
		plan, err := byName(ctx, name)
		if write := plan.Write; name == "changed2" {
			plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
				cancel() // while it runs
				return write(ctx, o)
			}
		}
		return plan, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"changed", "changed", "failed"}, outcomes(result)); diff != "" || !result.TimedOut {
		t.Errorf("timed out %v, outcomes (-want +got):\n%s", result.TimedOut, diff)
	}
	want := &action.TargetError{Code: "deadline_exceeded", Message: "not started: the deadline of the request passed", Retryable: true}
	if diff := cmp.Diff(want, result.Targets[2].Error); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestTargets_MaxTargetsBoundsChanges(t *testing.T) {
	t.Parallel()
	d := deps()
	d.MaxTargets = 2
	names := []string{"found1", "found2", "found3"}
	_, err := each(t, t.Context(), d, action.Options{}, true, names, byName)
	if f := apierr.As(err); f == nil || f.Kind != apierr.BadRequest || !strings.Contains(f.Message, "3 targets are named; one request changes at most 2 (MAX_TARGETS)") {
		t.Errorf("three changes: %v", err)
	}
	if _, err := each(t, t.Context(), d, action.Options{}, false, names, byName); err != nil {
		t.Errorf("three reads: %v", err)
	}
	if _, err := each(t, t.Context(), d, action.Options{}, true, []string{"changed1", "changed2"}, byName); err != nil {
		t.Errorf("two changes: %v", err)
	}
}

func TestVerify_OnlyIfRequested(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		verify   bool
		read     func(context.Context, *okta.Client) (action.State, error)
		verified bool
		after    action.State
		warning  string
	}{
		{"not asked for", false, func(context.Context, *okta.Client) (action.State, error) { panic("read") }, false, action.State{"status": "NEW"}, ""},
		{"as predicted", true, reads(action.State{"status": "NEW"}, nil), true, action.State{"status": "NEW"}, ""},
		{"changing to it", true, reads(action.State{"status": "OLD", "transitioningToStatus": "NEW"}, nil), false,
			action.State{"status": "OLD", "transitioningToStatus": "NEW"}, "x: Okta accepted the change, but the state reads back as OLD, changing to NEW instead of NEW."},
		{"no status", true, reads(action.State{"roles": "A"}, nil), false, action.State{"roles": "A"},
			"x: Okta accepted the change, but the state reads back as A instead of NEW."},
		{"no answer", true, reads(nil, fmt.Errorf("reading: %w", apierr.New(apierr.Unavailable, "c", "no answer", nil))), false, action.State{"status": "NEW"},
			"x: Okta accepted the change, but it could not be read back: no answer"},
		{"nothing to read", true, nil, false, action.State{"status": "NEW"}, "x: the result cannot be read back from Okta, so it is not verified."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result, err := each(t, t.Context(), deps(), action.Options{Verify: test.verify}, true, []string{"x"}, func(context.Context, string) (action.Plan, error) {
				return action.Plan{
					Before: action.State{"status": "OLD"}, After: action.State{"status": "NEW"}, Read: test.read,
					Undo:  func() *action.Undo { return &action.Undo{Action: "Undo It"} },
					Write: func(context.Context, *okta.Client) (action.WriteResult, error) { return action.WriteResult{}, nil },
				}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			target := result.Targets[0]
			if target.Outcome != action.Changed || target.Verified == nil || *target.Verified != test.verified || target.Undo == nil {
				t.Errorf("target is %+v", target)
			}
			if diff := cmp.Diff(test.after, target.After); diff != "" {
				t.Errorf("after (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warning, strings.Join(result.Warnings, "")); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func reads(s action.State, err error) func(context.Context, *okta.Client) (action.State, error) {
	return func(context.Context, *okta.Client) (action.State, error) { return s, err }
}

// The part that was changed before the rest failed has an undo, and the target is failed.
func TestWrite_PartialChangeHasUndo(t *testing.T) {
	t.Parallel()
	result, err := each(t, t.Context(), deps(), action.Options{}, true, []string{"x"}, func(context.Context, string) (action.Plan, error) {
		return action.Plan{
			Before: action.State{"roles": "none"}, After: action.State{"roles": "both"},
			Write: func(context.Context, *okta.Client) (action.WriteResult, error) {
				return action.WriteResult{
					Touched: true, After: action.State{"roles": "one"}, Undo: &action.Undo{Action: "Take One"},
					Roles: []action.RoleOutcome{{Role: "ONE", Outcome: action.Changed}, {Role: "TWO", Outcome: action.Failed}},
				}, apierr.New(apierr.Rejected, "E1", "Okta refused TWO", nil)
			},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	target := result.Targets[0]
	if target.Outcome != action.Failed || target.Undo == nil || target.Undo.Action != "Take One" || len(target.Roles) != 2 {
		t.Errorf("target is %+v", target)
	}
	if diff := cmp.Diff(action.State{"roles": "one"}, target.After); diff != "" || result.Status() != action.StatusPartial {
		t.Errorf("status %s, after (-want +got):\n%s", result.Status(), diff)
	}
}

func TestDryRun_ReportsErrorOfPlan(t *testing.T) {
	t.Parallel()
	plan := func(context.Context, string) (action.Plan, error) {
		return action.Plan{
			Roles: []action.RoleOutcome{{Role: "ONE", Outcome: action.Planned}},
			Err:   apierr.New(apierr.WrongState, "inherited_from_group", "TWO comes from a group", nil),
			Write: func(context.Context, *okta.Client) (action.WriteResult, error) { panic("written") },
		}, nil
	}
	result, err := each(t, t.Context(), deps(), action.Options{DryRun: true}, true, []string{"x"}, plan)
	if err != nil {
		t.Fatal(err)
	}
	target := result.Targets[0]
	if target.Outcome != action.WrongState || target.Error.Code != "inherited_from_group" || len(target.Roles) != 1 {
		t.Errorf("target is %+v", target)
	}
}
