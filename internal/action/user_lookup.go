package action

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// maxSearchHits is the most search hits that are read again for one name.
const maxSearchHits = 20

// lookUp returns the user that a caller names by id, login, short login (if it is unambiguous) or e-mail address.
// Every user that Okta returns, by path or by search, is compared with the name: Okta may cut the name, and its
// search index lags behind its users.
func (c *Execution) lookUp(ctx context.Context, text string) (okta.User, error) {
	if err := ctx.Err(); err != nil {
		const message = "not started: the time for the request ran out"
		return okta.User{}, apierr.New(apierr.Deadline, "deadline_exceeded", message, err)
	}
	var refused error // of the path of a plain name, which says nothing about the user
	missing := apierr.New(apierr.NotFound, okta.CodeNotFound, "no user has this id, login or e-mail address", nil)
	if okta.FitsPath(text) {
		u, err := c.Okta.GetUser(ctx, text)
		switch f := apierr.As(err); {
		case f == nil && isNamed(u, text):
			return u, nil
		case f == nil:
			missing.Message = "Okta returned another user, with none of this id, login or e-mail address"
			return okta.User{}, missing
		case errors.Is(err, okta.ErrPathRefused) && strings.Contains(text, "@"):
			refused = err
		case f.Kind != apierr.NotFound:
			return okta.User{}, err
		case f.Code == okta.CodeNotFound:
			missing = f
		}
		if !strings.Contains(text, "@") {
			return okta.User{}, missing
		}
	}
	users, err := c.search(ctx, text)
	switch {
	case err != nil:
		return okta.User{}, err
	case len(users) == 0:
		return okta.User{}, missing
	case len(users) > 1:
		return okta.User{}, ambiguous(len(users))
	case refused != nil: // the user exists, so Okta would have returned it by path
		return okta.User{}, refused
	}
	return users[0], nil
}

// search returns the users whose login or e-mail address is text, as they are now: each hit is read by its id.
func (c *Execution) search(ctx context.Context, text string) ([]okta.User, error) {
	hits, err := c.Okta.FindUsers(ctx, text)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(hits, func(a, b okta.User) int { return cmp.Compare(a.ID, b.ID) })
	hits = slices.CompactFunc(hits, func(a, b okta.User) bool { return a.ID == b.ID })
	if len(hits) > maxSearchHits {
		return nil, ambiguous(len(hits))
	}
	var users []okta.User
	for _, hit := range hits {
		u, err := c.Okta.GetUserByID(ctx, hit.ID)
		if err != nil && !apierr.Is(err, apierr.NotFound) {
			return nil, err
		}
		if err == nil && isNamed(u, text) {
			users = append(users, u)
		}
	}
	return users, nil
}

func ambiguous(users int) error {
	return apierr.Errorf(apierr.Rejected, "ambiguous",
		"%d users have this login or e-mail address; name the one you mean by id", users)
}

// isNamed reports whether text is a user's id, or, ignoring case, the login, the short login (the part of the login
// before "@") or the e-mail address.
func isNamed(u okta.User, text string) bool {
	short, _, _ := strings.Cut(u.Login, "@")
	return u.ID == text || sameName(u.Login, text) || sameName(short, text) || sameName(u.Email, text)
}
