package okta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	sdk "github.com/okta/okta-sdk-golang/v5/okta"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// Status is where a user stands in Okta's lifecycle.
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

// User is what the product needs to know of a user; Raw is the whole object as Okta sent it.
type User struct {
	ID       string
	Status   Status
	Becoming Status // where a change that is under way leads; empty where none is
	Login    string
	Email    string
	Raw      json.RawMessage
}

// UnmarshalJSON reads what the product needs and keeps the rest.
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
		Login: object.Profile.Login, Email: object.Profile.Email, Raw: append([]byte(nil), b...),
	}
	return nil
}

// MarshalJSON writes the object as Okta sent it.
func (u User) MarshalJSON() ([]byte, error) { return u.Raw, nil }

// FinalStatus returns the status that the user has once the change that is under way, if any, is complete.
func (u User) FinalStatus() Status { return cmp.Or(u.Becoming, u.Status) }

// Activation is the one-time link of an activation that sends no e-mail. Both are secrets.
type Activation struct {
	URL   string `json:"activationUrl"`
	Token string `json:"activationToken"`
}

// UserQuery selects users for ListUsers; empty fields select nothing.
type UserQuery struct{ Query, Filter, Search string }

// MaxQueryHits is how many users Okta returns for a Query at most: it does not page one.
const MaxQueryHits = 200

// otherObject returns the error of a response that holds another object than the one asked for by id. Its kind is
// NotFound: the object that was asked for was not returned.
func otherObject(kind string) error {
	return apierr.Errorf(apierr.NotFound, "other_object", "Okta returned another %s than the one asked for", kind)
}

// quoted returns a value as a string of a search expression.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// decode reads a reply's one object into v.
func (r *response) decode(v any) error {
	defer r.release()
	if err := json.Unmarshal(r.body, v); err != nil {
		return r.invalidResponse(err)
	}
	return nil
}

// GetUser reads a user by id, login or, if it is unambiguous, short login. The caller compares the user with the
// name. A 400 without Okta's JSON means that Okta cannot take the name in a path: a fault of the kind NotFound, or
// for a plain name one with ErrPathRefused.
//
//	GET /api/v1/users/{userId}
func (c *Client) GetUser(ctx context.Context, name string) (User, error) {
	return c.getUser(ctx, name, name)
}

// getUser reads a user by its path element. name is the element if callers gave it, "" for an id that Okta gave.
func (c *Client) getUser(ctx context.Context, element, name string) (User, error) {
	var u User
	if err := userID(element); err != nil {
		return u, err
	}
	r, err := c.do(ctx, call{op: "GET /api/v1/users/{userId}", name: name, send: func(ctx context.Context) error {
		_, _, err := c.api.UserAPI.GetUser(ctx, element).Execute()
		return err
	}})
	if err != nil {
		return u, err
	}
	return u, r.decode(&u)
}

// GetUserByID reads the user with exactly this id. If Okta returns another user, it returns a fault of the kind
// NotFound and no user.
//
//	GET /api/v1/users/{userId}
func (c *Client) GetUserByID(ctx context.Context, id string) (User, error) {
	u, err := c.getUser(ctx, id, "")
	if err == nil && u.ID != id {
		err = otherObject("user")
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// FindUsers searches by full login or e-mail address, in any case, DEPROVISIONED users included.
//
//	GET /api/v1/users?search=
func (c *Client) FindUsers(ctx context.Context, loginOrEmail string) ([]User, error) {
	value := quoted(loginOrEmail)
	search := "profile.login eq " + value + " or profile.email eq " + value
	list, err := c.ListUsers(ctx, UserQuery{Search: search}, 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[User](list)
}

// ListUsers lists users, all pages up to limit (0: all there is).
//
//	GET /api/v1/users
func (c *Client) ListUsers(ctx context.Context, q UserQuery, limit int) (List, error) {
	page := 200
	if limit > 0 {
		page = min(page, limit)
	}
	return c.list(ctx, "GET /api/v1/users", limit, func(ctx context.Context) error {
		r := c.api.UserAPI.ListUsers(ctx).Limit(int32(page))
		if q.Query != "" {
			r = r.Q(q.Query)
		}
		if q.Filter != "" {
			r = r.Filter(q.Filter)
		}
		if q.Search != "" {
			r = r.Search(q.Search)
		}
		_, _, err := r.Execute()
		return err
	})
}

// lifecycle runs one lifecycle call of a user.
func (c *Client) lifecycle(ctx context.Context, id string, k call, v any) error {
	if err := userID(id); err != nil {
		return err
	}
	r, err := c.do(ctx, k)
	if err != nil || v == nil || len(r.body) == 0 {
		return err
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return k.unknown(r.invalidResponse(err))
	}
	return nil
}

// standing returns a function that reads whether a user has, or is changing to, one of the statuses that a write
// makes, or one of those that leave the write nothing to do.
func (c *Client) standing(id string, made []Status, moot ...Status) func(ctx context.Context) (objectState, error) {
	return func(ctx context.Context) (objectState, error) {
		u, err := c.GetUserByID(ctx, id)
		status := u.FinalStatus()
		return objectState{made: slices.Contains(made, status), moot: slices.Contains(moot, status), user: u}, err
	}
}

// SuspendUser makes an ACTIVE user SUSPENDED.
//
//	POST /api/v1/users/{userId}/lifecycle/suspend
func (c *Client) SuspendUser(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/suspend",
		applied: c.standing(id, []Status{Suspended}, Deprovisioned), send: func(ctx context.Context) error {
			_, err := c.api.UserAPI.SuspendUser(ctx, id).Execute()
			return err
		}}, nil)
}

// UnsuspendUser makes a SUSPENDED user ACTIVE.
//
//	POST /api/v1/users/{userId}/lifecycle/unsuspend
func (c *Client) UnsuspendUser(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/unsuspend",
		applied: c.standing(id, []Status{Active}), send: func(ctx context.Context) error {
			_, err := c.api.UserAPI.UnsuspendUser(ctx, id).Execute()
			return err
		}}, nil)
}

// DeactivateUser makes a user DEPROVISIONED. sendEmail tells Okta to mail the administrator.
//
//	POST /api/v1/users/{userId}/lifecycle/deactivate
func (c *Client) DeactivateUser(ctx context.Context, id string, sendEmail bool) error {
	return c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/deactivate",
		applied: c.standing(id, []Status{Deprovisioned}), send: func(ctx context.Context) error {
			_, err := c.api.UserAPI.DeactivateUser(ctx, id).SendEmail(sendEmail).Execute()
			return err
		}}, nil)
}

// ActivateUser activates a STAGED or DEPROVISIONED user. Without an e-mail the link comes back instead; it is
// empty where Okta's answer was lost, but the user is found activated.
//
//	POST /api/v1/users/{userId}/lifecycle/activate
func (c *Client) ActivateUser(ctx context.Context, id string, sendEmail bool) (Activation, error) {
	var a Activation
	err := c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/activate", sendsEmail: true,
		applied: c.standing(id, []Status{Provisioned, Active}), send: func(ctx context.Context) error {
			_, _, err := c.api.UserAPI.ActivateUser(ctx, id).SendEmail(sendEmail).Execute()
			return err
		}}, &a)
	return a, err
}

// ReactivateUser makes a new activation link for a PROVISIONED user; every call makes a new one.
//
//	POST /api/v1/users/{userId}/lifecycle/reactivate
func (c *Client) ReactivateUser(ctx context.Context, id string, sendEmail bool) (Activation, error) {
	var a Activation
	err := c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/reactivate", nonIdempotent: true,
		applied: c.standing(id, nil, Active), mootOnly: true, send: func(ctx context.Context) error {
			_, _, err := c.api.UserAPI.ReactivateUser(ctx, id).SendEmail(sendEmail).Execute()
			return err
		}}, &a)
	return a, err
}

// ResetPassword starts a password reset. Without an e-mail the one-time link comes back, a secret.
//
//	POST /api/v1/users/{userId}/lifecycle/reset_password
func (c *Client) ResetPassword(ctx context.Context, id string, sendEmail bool) (link string, err error) {
	var token struct {
		URL string `json:"resetPasswordUrl"`
	}
	err = c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}/lifecycle/reset_password", nonIdempotent: true, send: func(ctx context.Context) error {
		_, _, err := c.api.UserAPI.GenerateResetPasswordToken(ctx, id).SendEmail(sendEmail).Execute()
		return err
	}}, &token)
	return token.URL, err
}

// SetPassword sets a user's password without knowing the old one. Only a response with this user is a success.
//
//	POST /api/v1/users/{userId}
func (c *Client) SetPassword(ctx context.Context, id string, password secrets.Value) error {
	text := password.Reveal()
	body := sdk.UpdateUserRequest{Credentials: &sdk.UserCredentials{Password: &sdk.PasswordCredential{Value: &text}}}
	isUser := func(body []byte) error {
		var u User
		err := json.Unmarshal(body, &u)
		if err == nil && u.ID != id {
			err = errors.New("another user")
		}
		return err
	}
	return c.lifecycle(ctx, id, call{op: "POST /api/v1/users/{userId}", nonIdempotent: true, object: isUser,
		hidden: []secrets.Value{password}, send: func(ctx context.Context) error {
			_, _, err := c.api.UserAPI.UpdateUser(ctx, id).User(body).Execute()
			return err
		}}, nil)
}
