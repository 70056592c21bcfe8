package action

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// verify reads the target again after a write, if the caller asked for it. It returns an error if
// the status as read shows that the change was not made.
func (x *Execution) verify(ctx context.Context, t *Target, p *Plan) error {
	verified := false
	t.Verified = &verified
	if !x.Request.Options.Verify {
		return nil
	}
	if p.Read == nil {
		x.warnTarget(t, "the result cannot be read back from Okta, so it is not verified.")
		return nil
	}
	now, err := p.Read(ctx, x.client)
	if err != nil {
		x.warnTarget(t, "Okta accepted the change, but it could not be read back: "+apierr.As(err).Message)
		return nil
	}
	asked := t.After
	t.After = now
	verified = len(asked) == 0 || reflect.DeepEqual(now, asked)
	if err := CheckStatus(now, asked); err != nil {
		return err
	}
	if !verified {
		x.warnTarget(t, fmt.Sprintf("Okta accepted the change, but the state reads back as %s instead of %s.",
			describe(now), describe(asked)))
	}
	return nil
}

// CheckStatus returns an error if a user's status, as read after an accepted write, is not the
// asked one and is not changing to it.
func CheckStatus(now, asked State) error {
	if !statusDiffers(now, asked) {
		return nil
	}
	return apierr.Errorf(apierr.Rejected, "not_verified",
		"Okta accepted the change, but the user's status reads back as %s instead of %s; "+
			"check the user in Okta before you try again", describe(now), describe(asked))
}

// statusDiffers reports whether both states have a status, and the status now is not the asked one
// and is not changing to it. A user who was to become PROVISIONED may be ACTIVE already.
func statusDiffers(now, asked State) bool {
	statuses := func(s State) []any {
		return slices.DeleteFunc([]any{s["status"], s[transitioningTo]}, func(v any) bool { return v == nil || v == "" })
	}
	wanted := statuses(asked)
	if slices.Contains(wanted, any(string(okta.Provisioned))) {
		wanted = append(wanted, string(okta.Active))
	}
	is := statuses(now)
	holds := func(status any) bool { return slices.Contains(wanted, status) }
	return len(is) > 0 && len(wanted) > 0 && !slices.ContainsFunc(is, holds)
}
