package okta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"example.com/okta-secops/secrets"
)

// Factor is an enrolled factor of a user. Types are an open set: Okta adds new ones. Raw is the whole
// object as Okta sent it.
type Factor struct {
	ID       string
	Type     string // "push", "token:software:totp"
	Provider string // "OKTA"
	Status   string // "ACTIVE"
	Raw      json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a factor without an id.
func (f *Factor) UnmarshalJSON(b []byte) error {
	var object struct {
		ID       string `json:"id"`
		Type     string `json:"factorType"`
		Provider string `json:"provider"`
		Status   string `json:"status"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	if object.ID == "" {
		return errors.New("a factor without an id")
	}
	*f = Factor{ID: object.ID, Type: object.Type, Provider: object.Provider, Status: object.Status, Raw: slices.Clone(b)}
	return nil
}

// MarshalJSON returns the object as Okta sent it.
func (f Factor) MarshalJSON() ([]byte, error) { return f.Raw, nil }

// ListFactors lists the factors that a user has enrolled.
//
//	GET /api/v1/users/{userId}/factors
func (c *Client) ListFactors(ctx context.Context, id string) ([]Factor, error) {
	return listOfUser[Factor](ctx, c, id, c.sdk.listFactors(id))
}

// ResetFactors removes all factors of a user. It returns an AlreadyAppliedError if Okta rejects it
// and the user has none.
//
//	POST /api/v1/users/{userId}/lifecycle/reset_factors
func (c *Client) ResetFactors(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{
		request: c.sdk.resetFactors(id),
		applied: c.factorsState(id, func(factors []Factor) bool { return len(factors) == 0 }),
	}, nil)
}

// DeleteFactor removes one factor of a user. It returns an AlreadyAppliedError if Okta rejects it and
// the user does not have the factor.
//
//	DELETE /api/v1/users/{userId}/factors/{factorId}
func (c *Client) DeleteFactor(ctx context.Context, id, factorID string) error {
	if err := checkPathElement(factorID); err != nil {
		return err
	}
	return c.writeUser(ctx, id, call{
		request: c.sdk.deleteFactor(id, factorID),
		applied: c.factorsState(id, func(factors []Factor) bool {
			return !slices.ContainsFunc(factors, func(f Factor) bool { return f.ID == factorID })
		}),
	}, nil)
}

// factorsState returns a function that reads whether the factors of a user are as asked.
func (c *Client) factorsState(id string, asked func([]Factor) bool) func(ctx context.Context) (objectState, error) {
	return func(ctx context.Context) (objectState, error) {
		factors, err := c.ListFactors(ctx, id)
		return objectState{applied: err == nil && asked(factors)}, err
	}
}

// UnlockUser unlocks a LOCKED_OUT user, or an ACTIVE user who is blocked from unknown devices.
//
//	POST /api/v1/users/{userId}/lifecycle/unlock
func (c *Client) UnlockUser(ctx context.Context, id string) error {
	unlocked := func(ctx context.Context) (objectState, error) {
		state, err := c.userStatus(id, []Status{Active})(ctx)
		if err != nil || !state.applied {
			return state, err
		}
		blocks, err := c.ListBlocks(ctx, id)
		state.applied = len(blocks) == 0
		return state, err
	}
	return c.writeUser(ctx, id, call{request: c.sdk.unlockUser(id), applied: unlocked}, nil)
}

// ListBlocks lists the access blocks of a user, as Okta sent them: those from all devices, or from
// unknown devices.
//
//	GET /api/v1/users/{userId}/blocks
func (c *Client) ListBlocks(ctx context.Context, id string) ([]json.RawMessage, error) {
	if err := checkUserID(id); err != nil {
		return nil, err
	}
	r, err := c.do(ctx, call{request: c.sdk.listBlocks(id)})
	if err != nil {
		return nil, err
	}
	var blocks []json.RawMessage
	return blocks, r.decode(&blocks)
}

// ExpirePassword makes a user PASSWORD_EXPIRED: the user chooses a new password at the next sign-in.
// It returns an AlreadyAppliedError for a user who is PASSWORD_EXPIRED.
//
//	POST /api/v1/users/{userId}/lifecycle/expire_password
func (c *Client) ExpirePassword(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{
		request: c.sdk.expirePassword(id), applied: c.userStatus(id, []Status{PasswordExpired}),
	}, nil)
}

// ExpirePasswordWithTemporary replaces the password of a user by a temporary one, which it returns,
// and makes the user PASSWORD_EXPIRED. revokeSessions also ends the user's sessions. The error has the
// kind UnknownResult if Okta's response was lost.
//
//	POST /api/v1/users/{userId}/lifecycle/expire_password_with_temp_password
func (c *Client) ExpirePasswordWithTemporary(
	ctx context.Context, id string, revokeSessions bool,
) (secrets.Value, error) {
	var temporary struct {
		Password string `json:"tempPassword"`
	}
	request := c.sdk.expirePasswordWithTemporary(id, revokeSessions)
	err := c.writeUser(ctx, id, call{request: request, nonIdempotent: true}, &temporary)
	return secrets.New(temporary.Password), err
}
