package action

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// verify reads the target again after a write, if the caller asked for it. It returns an error if the status that it
// reads shows that the change was not made.
func (c *Execution) verify(ctx context.Context, t *Target, p Plan) error {
	verified := false
	t.Verified = &verified
	if !c.Request.Options.Verify {
		return nil
	}
	if p.Read == nil {
		c.warnTarget(t, "the result cannot be read back from Okta, so it is not verified.")
		return nil
	}
	now, err := p.Read(ctx, c.client)
	if err != nil {
		c.warnTarget(t, "the change was made but could not be read back: "+apierr.As(err).Message)
		return nil
	}
	asked := t.After
	t.After = now
	verified = len(asked) == 0 || reflect.DeepEqual(now, asked)
	if err := CheckStatus(now, asked); err != nil {
		return err
	}
	if !verified {
		c.warnTarget(t, fmt.Sprintf("Okta accepted the change, but reads back as %s instead of %s.",
			describe(now), describe(asked)))
	}
	return nil
}

// CheckStatus returns an error if a state that was read after a write has a user's status that is not the asked one and is
// not changing to it, although Okta accepted the write.
func CheckStatus(now, asked State) error {
	if !statusDiffers(now, asked) {
		return nil
	}
	return apierr.Errorf(apierr.Rejected, "not_verified",
		"Okta accepted the change, but the user's status reads back as %s instead of %s; "+
			"look at the user in Okta before you try again", describe(now), describe(asked))
}

// statusDiffers reports whether a state as read is of a user whose status is not the asked one and is not changing to it.
// A user who was to become PROVISIONED may be ACTIVE by then.
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
