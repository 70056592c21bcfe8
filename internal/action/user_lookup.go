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

// maxSearchHits bounds the search hits for one name that are read by ID.
const maxSearchHits = 20

// FindUser returns the user with an e-mail address, for an action that can do without: the request has
// an access token with its own scope. The errors are those of the client, NotFound, and "ambiguous" for
// several users.
func (x *Execution) FindUser(ctx context.Context, email string) (okta.User, error) {
	reader := &Execution{Deps: x.Deps}
	reader.Okta = facts{x}.with(UsersScope)
	return reader.lookUp(ctx, email)
}

// lookUp returns the user with an ID, login, short login (if it is unambiguous) or e-mail address.
// Every user that Okta returns, by path or by search, is compared with the name: Okta may truncate
// the name, and its search index lags behind its users.
//
// The errors are those of the client, NotFound, and "ambiguous" for several users.
func (x *Execution) lookUp(ctx context.Context, text string) (okta.User, error) {
	if ctx.Err() != nil {
		return okta.User{}, errNotStarted(ctx)
	}
	var pathRefused error // by a front end of Okta, so it is unknown whether the user exists
	notFound := apierr.New(apierr.NotFound, okta.CodeNotFound, "no user has this ID, login or e-mail address", nil)
	isAddress := strings.Contains(text, "@")
	if okta.FitsPath(text) {
		u, err := x.Okta.GetUser(ctx, text)
		switch e := apierr.As(err); {
		case e == nil && isNamed(u, text):
			return u, nil
		case e == nil:
			notFound.Message = "Okta returned another user, whose ID, login and e-mail address differ from this name"
			return okta.User{}, notFound
		case errors.Is(err, okta.ErrPathRefused) && isAddress:
			pathRefused = err
		case e.Kind != apierr.NotFound:
			return okta.User{}, err
		case e.Code == okta.CodeNotFound:
			notFound = e
		}
		if !isAddress {
			return okta.User{}, notFound
		}
	}
	users, err := x.search(ctx, text)
	switch {
	case err != nil:
		return okta.User{}, err
	case len(users) == 0:
		return okta.User{}, notFound
	case len(users) > 1:
		return okta.User{}, errAmbiguousUser(len(users))
	case pathRefused != nil: // the user exists, so Okta would have returned it by path
		return okta.User{}, pathRefused
	}
	return users[0], nil
}

// search returns the users whose login or e-mail address is text. It reads each search hit by its
// ID, because the search index may be out of date.
func (x *Execution) search(ctx context.Context, text string) ([]okta.User, error) {
	hits, err := x.Okta.FindUsers(ctx, text)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(hits, func(a, b okta.User) int { return cmp.Compare(a.ID, b.ID) })
	hits = slices.CompactFunc(hits, func(a, b okta.User) bool { return a.ID == b.ID })
	if len(hits) > maxSearchHits {
		return nil, errAmbiguousUser(len(hits))
	}
	var users []okta.User
	for _, hit := range hits {
		u, err := x.Okta.GetUserByID(ctx, hit.ID)
		if err != nil && !apierr.Is(err, apierr.NotFound) {
			return nil, err
		}
		if err == nil && isNamed(u, text) {
			users = append(users, u)
		}
	}
	return users, nil
}

func errAmbiguousUser(users int) error {
	return apierr.Errorf(apierr.Rejected, "ambiguous",
		"%d users have this login or e-mail address: give the ID of the user that you mean", users)
}

// isNamed reports whether text is a user's ID or, ignoring case, the login, the short login (the
// part of the login before "@") or the e-mail address.
func isNamed(u okta.User, text string) bool {
	short, _, _ := strings.Cut(u.Login, "@")
	return u.ID == text || sameName(u.Login, text) || sameName(short, text) || sameName(u.Email, text)
}
