package action_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// madeBefore implements action.WriteGuard: an earlier run made every write.
type madeBefore struct{}

func (madeBefore) BeginWrite(string) (bool, error) { return true, nil }
func (madeBefore) WasMade(string) bool             { return true }
func (madeBefore) CommitWrite(string)              {}
func (madeBefore) AbortWrite(string)               {}

// inOrg returns dependencies with an org in which every user has a status. A write fails the
// test.
func inOrg(t *testing.T, status string) action.Deps {
	t.Helper()
	org := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		login := strings.TrimPrefix(r.URL.Path, "/api/v1/users/")
		fmt.Fprintf(w, `{"id": "00u%s", "status": %q, "profile": {"login": %q}}`, login, status, login)
	}))
	t.Cleanup(org.Close)
	root, err := url.Parse(org.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := deps()
	d.Okta = okta.New(okta.Options{Root: root, Auth: okta.SSWS(testkit.NewCredential(secrets.New("token"))), Concurrency: 1})
	return d
}

// run declares an action on users and runs it on entities.
func run(t *testing.T, d action.Deps, r action.Run, spec action.Spec, work func(c *action.Execution) action.UserWork, users ...string) *action.Result {
	t.Helper()
	type params struct {
		action.NamedUserIDs
		action.ScopeOn
	}
	spec.Category = action.UpdatesIdentity
	spec.Name, spec.Summary, spec.RunsOn = "Try It", "Try it.", action.UserEntities
	a := action.Define(spec, func(ctx context.Context, x *action.Execution, p params) (*action.Result, error) {
		return x.EachUser(ctx, p.Users, work(x))
	})
	var q action.Request
	for _, u := range users {
		q.Entities = append(q.Entities, action.Entity{Identifier: u, Type: action.UserEntity})
	}
	inv, err := a.Bind(q)
	if err != nil {
		t.Fatal(err)
	}
	result, err := inv.Run(t.Context(), d, r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestWriteGuard_ReportsStateOfWriteMadeBefore: the result of the earlier run is not stored, and
// the state may have changed since.
func TestWriteGuard_ReportsStateOfWriteMadeBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, planned string
		readBack        bool
		outcome         action.Outcome
		after           action.State
		code, message   string
	}{
		"as planned": {"PROVISIONED", "PROVISIONED", true, action.Unchanged, action.State{"status": "PROVISIONED"},
			"", "Done by an earlier run of this request: alice (PROVISIONED)."},
		"another state": {"DEPROVISIONED", "PROVISIONED", true, action.WrongState, nil, action.CodeChangedSince,
			"Changed since: alice: status: DEPROVISIONED now, which is not as asked; " +
				"send the request with a new Idempotency-Key to do it again."},
		"cannot be read back": {"ACTIVE", "RECOVERY", false, action.Changed, nil, "", "Changed 1 user: alice."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := inOrg(t, c.status)
			result := run(t, d, action.Run{WriteGuard: madeBefore{}}, action.Spec{Mutates: true, ReadBack: c.readBack}, func(*action.Execution) action.UserWork {
				return action.UserWork{
					Words: action.Words{Changed: "Changed", Unchanged: "Already changed"},
					Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
						return action.Plan{
							Before: action.StatusOf(u), After: action.State{"status": c.planned},
							Write: func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
								_, err := o.ReactivateUser(ctx, u.ID, true)
								return action.WriteResult{}, err
							},
						}, nil
					},
				}
			}, "alice")
			target, code := result.Targets[0], ""
			if target.Error != nil {
				code = target.Error.Code
			}
			if target.Outcome != c.outcome || code != c.code || target.Before["status"] != c.status || result.Message != c.message {
				t.Errorf("%s %s from %v: %s", target.Outcome, code, target.Before, result.Message)
			}
			if diff := cmp.Diff(c.after, target.After); diff != "" {
				t.Errorf("after (-want +got):\n%s", diff)
			}
			want := []string{"alice: done by an earlier run of this request; the result of that run was not stored."}
			if diff := cmp.Diff(want, result.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGuardrails_WriteMadeBeforeIsNotRefused: a refusal would say that nothing was changed.
func TestGuardrails_WriteMadeBeforeIsNotRefused(t *testing.T) {
	t.Parallel()
	d, reason := inOrg(t, "ACTIVE"), "the year ends"
	d.Guardrails = action.NewGuardrails(func(context.Context) (*guardrail.Policy, error) {
		return &guardrail.Policy{Freeze: &reason}, nil
	}, guardrail.NewCounter(&guardrail.Memory{}, d.Now))
	for _, made := range []bool{true, false} {
		r := action.Run{}
		if made {
			r.WriteGuard = madeBefore{}
		}
		result := run(t, d, r, action.Spec{Mutates: true, NonIdempotent: true}, func(*action.Execution) action.UserWork {
			return action.UserWork{Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
				return action.Plan{Before: action.StatusOf(u), Write: func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
					_, err := o.ReactivateUser(ctx, u.ID, true)
					return action.WriteResult{}, err
				}}, nil
			}}
		}, "alice")
		if target := result.Targets[0]; made != (target.Outcome == action.Changed) || made != (target.Error == nil) {
			t.Errorf("made before: %v: %s %v", made, target.Outcome, target.Error)
		}
	}
}

// TestEnrich_PanicKeepsTheReply: the enrichment of one of three users panics.
func TestEnrich_PanicKeepsTheReply(t *testing.T) {
	t.Parallel()
	for _, mutates := range []bool{true, false} {
		t.Run(fmt.Sprint("mutates: ", mutates), func(t *testing.T) {
			t.Parallel()
			result := run(t, inOrg(t, "ACTIVE"), action.Run{}, action.Spec{Mutates: mutates}, func(*action.Execution) action.UserWork {
				return action.UserWork{
					Plan: func(_ context.Context, u okta.User) (action.Plan, error) { return action.Plan{Value: u.Login}, nil },
					Enrich: func(value any) map[string]string {
						if value == "bob" {
							panic("canary")
						}
						return map[string]string{"login": value.(string)}
					},
				}
			}, "alice", "bob", "carol", "alice, bob")
			var enriched []string
			for _, e := range result.Entities {
				enriched = append(enriched, e.Enrichment["login"])
			}
			if diff := cmp.Diff([]string{"alice", "", "carol", ""}, enriched); diff != "" || result.Status() != action.StatusSuccess {
				t.Errorf("%s, enriched (-want +got):\n%s", result.Status(), diff)
			}
			if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, "bob: not enriched: an unexpected error occurred.") ||
				strings.Contains(warnings, "canary") {
				t.Errorf("warnings: %s", warnings)
			}
		})
	}
}

// TestPlan_WritesOnlyThroughItsOwnClient: a write that bypasses Plan.Write's client would escape
// the audit, the idempotency records and dry runs.
func TestPlan_WritesOnlyThroughItsOwnClient(t *testing.T) {
	t.Parallel()
	d := inOrg(t, "ACTIVE")
	result := run(t, d, action.Run{}, action.Spec{Mutates: true}, func(x *action.Execution) action.UserWork {
		return action.UserWork{
			Words: action.Words{Changed: "Changed"},
			Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
				return action.Plan{Write: func(ctx context.Context, _ *okta.Client) (action.WriteResult, error) {
					return action.WriteResult{}, x.Okta.SuspendUser(ctx, u.ID)
				}}, nil
			},
		}
	}, "alice")
	if target := result.Targets[0]; target.Outcome != action.Failed || target.Error.Code != "internal" {
		t.Errorf("%s %v", target.Outcome, target.Error)
	}
}
