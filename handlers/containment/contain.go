package containment

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/okta-secops/handlers/sessions"
	"example.com/okta-secops/handlers/users"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// level is how far a containment goes. Each level includes the steps of those before it.
type level string

// The levels.
const (
	levelRevoke  level = "revoke"
	levelContain level = "contain"
	levelEvict   level = "evict"
)

// Allowed implements action.Allower.
func (level) Allowed() []string {
	return []string{string(levelRevoke), string(levelContain), string(levelEvict)}
}

type containParams struct {
	action.NamedUsers
	Level           level `param:"Level" default:"contain" help:"revoke ends the user's sessions and tokens; contain first suspends the user; evict also resets the factors, revokes the grants, adds the user to the quarantine group and sets the risk to HIGH, as far as they are available."`
	AllowDeactivate bool  `param:"Allow Deactivate" default:"false" help:"Deactivate users whom Okta cannot suspend, because they are not ACTIVE, which also removes their applications; off only ends their access, and the result is partly."`
	VerifyInLog     bool  `param:"Verify In System Log" default:"false" help:"Wait at most 20 seconds until Okta's System Log shows that the access ended; off reads the status back only."`
	action.ScopeOff
}

var contain = action.Define(action.Spec{
	Name:           "Contain User",
	Summary:        "End the access of users step by step, read the result back, and report what may still work.",
	RunsOn:         action.UserEntities,
	OktaScopes:     []string{"okta.users.read", "okta.users.manage"},
	OptionalScopes: append([]string{"okta.universalLogout.manage", "okta.logs.read", action.TokensScope}, evictScopes...),
	Mutates:        true,
	Category:       action.DisablesIdentity,
	Beyond:         true,
	Example:        action.Example{Parameters: map[string]any{"User IDs Or Logins": "alice"}},
}, func(ctx context.Context, x *action.Execution, p containParams) (*action.Result, error) {
	words := map[level]action.Words{
		levelRevoke: {
			Changed: "Revoked all access of", Unchanged: "Already without access", Planned: "Would revoke all access of",
		},
		levelContain: {Changed: "Contained", Unchanged: "Already contained", Planned: "Would contain"},
		levelEvict:   {Changed: "Evicted", Unchanged: "Already evicted", Planned: "Would evict"},
	}
	group := newQuarantine(ctx, x)
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: words[p.Level],
		Plan: func(ctx context.Context, u okta.User) (action.Plan, error) {
			c := containment{x: x, user: u, quarantine: group, started: x.Now(), containParams: p}
			plan := x.Compose(c.steps(ctx), c.finish)
			maps.Copy(plan.Before, action.StatusOf(u))
			return plan, nil
		},
	})
})

// containment is the containment of one user.
type containment struct {
	containParams
	x          *action.Execution
	user       okta.User
	quarantine quarantine // nil: none is configured
	started    time.Time
}

// The steps that block the user, and the one that reads the result.
const (
	stepSuspend    = "suspend"
	stepDeactivate = "deactivate"
	stepVerify     = "verify"
)

// steps returns the steps of the level. The user is blocked before the sessions end, so that a client
// does not sign in again in between.
func (c containment) steps(ctx context.Context) []action.Step {
	var steps []action.Step
	if c.Level != levelRevoke {
		steps = append(steps, c.block())
	}
	steps = append(steps, sessions.RevokeSteps(c.user)...)
	if c.Level == levelEvict {
		steps = append(steps, c.evict(ctx)...)
	}
	return steps
}

// block returns the step that keeps the user from signing in.
func (c containment) block() action.Step {
	name, deactivate := stepSuspend, false
	switch c.user.FinalStatus() {
	case okta.Active, okta.Suspended:
	case okta.Deprovisioned:
		name, deactivate = stepDeactivate, true
	default:
		if c.AllowDeactivate {
			name, deactivate = stepDeactivate, true
		}
	}
	plan, err := users.PlanDisable(c.user, deactivate, false, "set Allow Deactivate to true to deactivate the user")
	return action.NewStep(name, "", plan, err)
}

// finish reads the user's status back and returns the result of the target.
func (c containment) finish(ctx context.Context, o *okta.Client, done *action.Composed) (action.WriteResult, error) {
	maps.Copy(done.Before, action.StatusOf(c.user))
	now := c.verify(ctx, o, done)
	err := done.Err()
	e := entry{
		UserID: c.user.ID, Level: c.Level, Contained: containedBy(done), Before: done.Before, After: done.After,
		Steps: done.Steps, Evidence: map[string]any{"status": now}, Survives: c.survivors(done, now),
	}
	if c.VerifyInLog {
		e.Evidence["events"] = c.events(ctx, o, e)
	}
	if e.changed(stepQuarantine) {
		group, _ := c.quarantine()
		e.Quarantine = group.ID
	}
	result := done.WriteResult(c.user.Login, e)
	switch {
	case err != nil && e.Contained == false:
		result.Message = "Not contained: " + result.Message
	case err != nil:
		result.Message, err = "Partly contained: "+result.Message, failed(err)
	}
	result.Undo = c.undo(e)
	return result, err
}

// failed returns an error whose target is failed. The other steps of the target were made, so that it is
// neither refused nor unchanged because of its state.
func failed(err error) error {
	e := *apierr.As(err)
	if e.Kind.Meaning().Outcome != string(action.Failed) {
		e.Kind = apierr.Rejected
	}
	return &e
}

// undo returns the request that takes the containment back, nil if nothing of it can be.
func (c containment) undo(e entry) *action.Undo {
	if !e.changed(stepSuspend) && !e.changed(stepQuarantine) && !e.changed(stepRisk) {
		return nil
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return &action.Undo{Action: "Restore User", Parameters: map[string]any{
		"User IDs Or Logins": c.user.ID, "Record": string(text), "Also Run On Scope": false,
	}}
}

// verify reads the user's status into done.After and returns it, "unknown" if it cannot be read. If the
// step that blocks the user was made, and the status shows that the user is not blocked, the step has
// failed.
func (c containment) verify(ctx context.Context, o *okta.Client, done *action.Composed) any {
	read, err := action.ReadStatus(c.user.ID)(ctx, o)
	done.Steps = append(done.Steps, action.StepDone(stepVerify, err))
	if err != nil {
		delete(done.After, "status")
		return "unknown"
	}
	asked := maps.Clone(done.After)
	maps.Copy(done.After, read)
	if err := action.CheckStatus(read, asked); err != nil {
		for i, s := range done.Steps {
			if s.Step == stepSuspend || s.Step == stepDeactivate {
				done.Steps[i] = action.StepDone(s.Step, err)
			}
		}
	}
	return read["status"]
}

// loggedSteps are the events that Okta writes for steps.
var loggedSteps = []struct{ step, event string }{
	{sessions.StepLogout, "user.authentication.universal_logout"}, {sessions.StepClear, "user.session.clear"},
}

// events returns, for each event that Okta writes for the steps that were made, whether the System Log
// has it. A missing event is a warning: the log may be late.
func (c containment) events(ctx context.Context, o *okta.Client, e entry) map[string]bool {
	var wanted []string
	for _, l := range loggedSteps {
		if e.changed(l.step) {
			wanted = append(wanted, l.event)
		}
	}
	found, err := o.WithScopes([]string{"okta.logs.read"}).WaitForEvents(ctx, c.user.ID, c.started, wanted)
	if err != nil {
		c.x.Warn("%s: the System Log cannot be read, so the events are not verified: %s",
			c.user.Login, apierr.As(err).Message)
		return nil
	}
	seen := map[string]bool{}
	for _, event := range wanted {
		if seen[event] = slices.Contains(found, event); !seen[event] {
			c.x.Warn("%s: the System Log has no event %s after %s; it may be late.", c.user.Login, event, okta.EventWait)
		}
	}
	return seen
}

// containedBy returns true if every step of the level was made, or is not available in the org;
// "partly" if some were; and false if none was.
func containedBy(done *action.Composed) any {
	reached := 0
	for _, s := range done.Steps {
		if s.Step != stepVerify && s.Outcome.Reached() {
			reached++
		}
	}
	switch {
	case done.Err() == nil:
		return true
	case reached > 0:
		return "partly"
	}
	return false
}

// survivors returns the access that may continue.
func (c containment) survivors(done *action.Composed, status any) []string {
	left := sessions.Survivors(done)
	if status != string(okta.Suspended) && status != string(okta.Deprovisioned) {
		left = append([]string{fmt.Sprintf("new sign-ins: the user's status is %s", status)}, left...)
	}
	return left
}
