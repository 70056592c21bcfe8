package okta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"example.com/okta-secops/secrets"
)

// Status is a user's status in Okta's lifecycle.
// https://developer.okta.com/docs/concepts/user-lifecycle/
type Status string

// The statuses.
const (
	Active          Status = "ACTIVE"
	Deprovisioned   Status = "DEPROVISIONED"
	LockedOut       Status = "LOCKED_OUT"
	PasswordExpired Status = "PASSWORD_EXPIRED"
	Provisioned     Status = "PROVISIONED"
	Recovery        Status = "RECOVERY"
	Staged          Status = "STAGED"
	Suspended       Status = "SUSPENDED"
)

// Statuses are all statuses.
var Statuses = []Status{Active, Deprovisioned, LockedOut, PasswordExpired, Provisioned, Recovery, Staged, Suspended}

// User holds the members of a user that the product uses; Raw is the whole object as Okta sent it.
type User struct {
	ID       string
	Status   Status
	Becoming Status // the status to which a change under way leads; "" if there is none
	Login    string
	Email    string
	Raw      json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a user without an id.
func (u *User) UnmarshalJSON(b []byte) error {
	var object struct {
		ID       string `json:"id"`
		Status   Status `json:"status"`
		Becoming Status `json:"transitioningToStatus"`
		Profile  struct {
			Login string `json:"login"`
			Email string `json:"email"`
		} `json:"profile"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	if object.ID == "" {
		return errors.New("a user without an id")
	}
	*u = User{
		ID: object.ID, Status: object.Status, Becoming: object.Becoming,
		Login: object.Profile.Login, Email: object.Profile.Email, Raw: slices.Clone(b),
	}
	return nil
}

// MarshalJSON returns the object as Okta sent it.
func (u User) MarshalJSON() ([]byte, error) { return u.Raw, nil }

// ProfileValues returns the values of an attribute of the user's profile as texts: those of a list,
// or the one of any other attribute; none if it is absent, null or an object, or if Raw is dropped.
func (u User) ProfileValues(name string) []string {
	var object struct {
		Profile map[string]any `json:"profile"`
	}
	if len(u.Raw) == 0 || json.Unmarshal(u.Raw, &object) != nil {
		return nil
	}
	values, isList := object.Profile[name].([]any)
	if !isList {
		values = []any{object.Profile[name]}
	}
	var texts []string
	for _, v := range values {
		switch v.(type) {
		case string, bool, float64:
			texts = append(texts, fmt.Sprint(v))
		}
	}
	return texts
}

// FinalStatus returns the status that the user has once a change that is under way is complete.
func (u User) FinalStatus() Status { return cmp.Or(u.Becoming, u.Status) }

// Activation is the one-time link of an activation that sends no e-mail. Both members are secrets.
type Activation struct {
	URL   string `json:"activationUrl"`
	Token string `json:"activationToken"`
}

// UserQuery selects users for ListUsers; an empty member selects nothing.
type UserQuery struct{ Query, Filter, Search string }

// MaxQueryHits is the maximum number of users that Okta returns for a Query, which has no further
// pages.
const MaxQueryHits = 200

// GetUser reads a user by id, login or, if it is unambiguous, short login. The caller compares the
// user with the name. A 400 without Okta's JSON means that Okta cannot accept the name in a path:
// the error has the kind NotFound or, for a plain name, ErrPathRefused in its chain.
//
//	GET /api/v1/users/{userId}
func (c *Client) GetUser(ctx context.Context, name string) (User, error) {
	return c.getUser(ctx, name, name)
}

// getUser reads a user by its path element. name is the element if the caller gave it, "" for an id
// that Okta gave.
func (c *Client) getUser(ctx context.Context, element, name string) (User, error) {
	var u User
	if err := checkUserID(element); err != nil {
		return u, err
	}
	r, err := c.do(ctx, call{request: c.sdk.getUser(element), name: name})
	if err != nil {
		return u, err
	}
	return u, r.decode(&u)
}

// GetUserByID reads the user with exactly this id. If Okta returns another user, it returns an
// error of the kind NotFound and no user.
//
//	GET /api/v1/users/{userId}
func (c *Client) GetUserByID(ctx context.Context, id string) (User, error) {
	u, err := c.getUser(ctx, id, "")
	if err == nil && u.ID != id {
		err = differentObject("user")
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// FindUsers searches by full login or e-mail address, ignoring case, and includes DEPROVISIONED
// users. It returns an error of the kind Rejected if the list is larger than MaxListBytes.
//
//	GET /api/v1/users?search=
func (c *Client) FindUsers(ctx context.Context, loginOrEmail string) ([]User, error) {
	value := Quote(loginOrEmail)
	search := "profile.login eq " + value + " or profile.email eq " + value
	list, err := c.ListUsers(ctx, UserQuery{Search: search}, 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[User](list)
}

// ListUsers lists users, all pages up to limit (0: no limit). Okta rejects a malformed filter or
// search with CodeBadExpression.
//
//	GET /api/v1/users
func (c *Client) ListUsers(ctx context.Context, q UserQuery, limit int) (List, error) {
	page := 200
	if limit > 0 {
		page = min(page, limit)
	}
	return c.list(ctx, c.sdk.listUsers(q, page), limit)
}

// SuspendUser makes an ACTIVE user SUSPENDED. It returns an error of the kind WrongState for
// another status, or an AlreadyAppliedError for a user who is SUSPENDED or DEPROVISIONED.
//
//	POST /api/v1/users/{userId}/lifecycle/suspend
func (c *Client) SuspendUser(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{
		request: c.sdk.suspendUser(id), applied: c.userStatus(id, []Status{Suspended}, Deprovisioned),
	}, nil)
}

// UnsuspendUser makes a SUSPENDED user ACTIVE. It returns an error of the kind WrongState for
// another status, or an AlreadyAppliedError for a user who is ACTIVE.
//
//	POST /api/v1/users/{userId}/lifecycle/unsuspend
func (c *Client) UnsuspendUser(ctx context.Context, id string) error {
	return c.writeUser(ctx, id, call{
		request: c.sdk.unsuspendUser(id), applied: c.userStatus(id, []Status{Active}),
	}, nil)
}

// DeactivateUser makes a user DEPROVISIONED. With sendEmail Okta notifies the administrators. It
// returns an AlreadyAppliedError for a user who is DEPROVISIONED.
//
//	POST /api/v1/users/{userId}/lifecycle/deactivate
func (c *Client) DeactivateUser(ctx context.Context, id string, sendEmail bool) error {
	return c.writeUser(ctx, id, call{
		request: c.sdk.deactivateUser(id, sendEmail), applied: c.userStatus(id, []Status{Deprovisioned}),
	}, nil)
}

// ActivateUser activates a STAGED or DEPROVISIONED user. Without an e-mail it returns the link,
// which is empty if Okta's response was lost and the user is found activated. It returns an
// AlreadyAppliedError for a user who is PROVISIONED or ACTIVE.
//
//	POST /api/v1/users/{userId}/lifecycle/activate
func (c *Client) ActivateUser(ctx context.Context, id string, sendEmail bool) (Activation, error) {
	var a Activation
	err := c.writeUser(ctx, id, call{
		request: c.sdk.activateUser(id, sendEmail), sendsEmail: true,
		applied: c.userStatus(id, []Status{Provisioned, Active}),
	}, &a)
	return a, err
}

// ReactivateUser makes a new activation link for a PROVISIONED user. Every call makes a new link,
// so that the error has the kind UnknownResult if Okta's response was lost. It returns an
// AlreadyAppliedError for a user who is ACTIVE.
//
//	POST /api/v1/users/{userId}/lifecycle/reactivate
func (c *Client) ReactivateUser(ctx context.Context, id string, sendEmail bool) (Activation, error) {
	var a Activation
	err := c.writeUser(ctx, id, call{
		request: c.sdk.reactivateUser(id, sendEmail), nonIdempotent: true,
		applied: c.userStatus(id, nil, Active), onlyAfterRejection: true,
	}, &a)
	return a, err
}

// ResetPassword starts a password reset. Without an e-mail it returns the one-time link, which is a
// secret. The error has the kind UnknownResult if Okta's response was lost.
//
//	POST /api/v1/users/{userId}/lifecycle/reset_password
func (c *Client) ResetPassword(ctx context.Context, id string, sendEmail bool) (link string, err error) {
	var reset struct {
		URL string `json:"resetPasswordUrl"`
	}
	err = c.writeUser(ctx, id, call{request: c.sdk.resetPassword(id, sendEmail), nonIdempotent: true}, &reset)
	return reset.URL, err
}

// SetPassword sets a user's password without the old one. Only a response with this user is a
// success. The error has the kind Rejected for a password that the org's policy forbids, and
// UnknownResult if Okta's response was lost.
//
//	POST /api/v1/users/{userId}
func (c *Client) SetPassword(ctx context.Context, id string, password secrets.Value) error {
	isUser := func(body []byte) error {
		var u User
		err := json.Unmarshal(body, &u)
		if err == nil && u.ID != id {
			err = errors.New("another user")
		}
		return err
	}
	return c.writeUser(ctx, id, call{
		request: c.sdk.setPassword(id, password.Reveal()), nonIdempotent: true, object: isUser,
		hidden: []secrets.Value{password},
	}, nil)
}
