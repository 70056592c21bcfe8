package roles

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// roleMatcher reports whether a role assignment matches a name.
type roleMatcher func(r okta.Role) bool

// roleNames resolves the names of roles in a request.
type roleNames struct {
	idsOnly bool
	// orgRoles returns the custom roles of the org. It reads them on the first call only.
	orgRoles func() ([]okta.OrgRole, error)
}

func newRoleNames(ctx context.Context, x *action.Execution, idsOnly bool) roleNames {
	list := func() ([]okta.OrgRole, error) { return x.Okta.ListOrgRoles(ctx) }
	return roleNames{idsOnly: idsOnly, orgRoles: sync.OnceValues(list)}
}

// find returns the matcher of a name for a user who holds these roles. It returns an error if the
// name is that of no role, or of several.
//
// An ID or an exact name (in any case) has priority over a name that differs in spaces, "_" and
// "-", so that the custom role "Super Admin" is not confused with SUPER_ADMIN.
func (n roleNames) find(held []okta.Role, name string) (roleMatcher, error) {
	byID := func(r okta.Role) bool { return r.ID == name || r.CustomID == name }
	if slices.ContainsFunc(held, byID) {
		return byID, nil
	}
	if !n.idsOnly {
		exact := func(r okta.Role) bool { return strings.EqualFold(r.Type, name) || strings.EqualFold(r.Label, name) }
		if slices.ContainsFunc(held, exact) || strings.EqualFold(name, okta.CustomRole) {
			return exact, nil
		}
		if t := standardType(name); t != "" {
			return sameRole(t), nil
		}
	}
	custom, err := n.orgRoles()
	if err != nil {
		return nil, orgRolesUnreadable(name, err)
	}
	for _, r := range custom {
		if r.ID == name || !n.idsOnly && strings.EqualFold(r.Label, name) {
			return sameRole(r.ID), nil
		}
	}
	if n.idsOnly {
		return nil, apierr.Errorf(apierr.NotFound, okta.CodeNotFound,
			"the user has no role assignment with the ID %q; it may have been removed already", action.Shorten(name))
	}
	return findSimilar(held, custom, name)
}

// findSimilar returns the matcher of the one role whose name differs from the given name only in
// case, spaces, "_" and "-".
func findSimilar(held []okta.Role, custom []okta.OrgRole, name string) (roleMatcher, error) {
	var known, ids []string // all names, and the IDs of the roles with a similar name
	consider := func(id string, names ...string) {
		known = append(known, names...)
		alike := slices.ContainsFunc(names, func(n string) bool { return action.SameName(n, name) })
		if alike && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, t := range okta.RoleTypes {
		consider(t, append([]string{t}, okta.RoleLabels[t]...)...)
	}
	for _, r := range custom {
		consider(r.ID, r.Label)
	}
	for _, r := range held {
		if r.Type == okta.CustomRole {
			consider(roleID(r), r.Label)
		} else {
			consider(roleID(r), r.Type, r.Label)
		}
	}
	switch len(ids) {
	case 0:
		return nil, unknownRole(name, known)
	case 1:
		return sameRole(ids[0]), nil
	}
	return nil, apierr.Errorf(apierr.Rejected, "ambiguous",
		"%d roles have a name like %q; give the name as Okta shows it, or an ID", len(ids), action.Shorten(name))
}

// standardType returns the type of the standard role with this type or label, in any case; "" if
// there is none.
func standardType(name string) string {
	for _, t := range okta.RoleTypes {
		names := append([]string{t}, okta.RoleLabels[t]...)
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return t
		}
	}
	return ""
}

// roleID identifies a role: a custom role by its ID, or by its label if Okta returns no ID; any
// other role by its type.
func roleID(r okta.Role) string {
	switch {
	case r.CustomID != "":
		return r.CustomID
	case r.Type == okta.CustomRole:
		return r.Label
	}
	return r.Type
}

func sameRole(id string) roleMatcher { return func(r okta.Role) bool { return roleID(r) == id } }

// unknownRole returns the error of a name that no role has.
func unknownRole(name string, known []string) error {
	text := fmt.Sprintf("no standard or custom role is called %q, and the user has no role assignment with this ID",
		action.Shorten(name))
	if near := action.NearestName(name, known); near != "" {
		text += "; the nearest name is " + near
	}
	return apierr.New(apierr.NotFound, okta.CodeNotFound, text, nil)
}

// orgRolesUnreadable returns the error of a name that may be that of a custom role, if the custom
// roles could not be read.
func orgRolesUnreadable(name string, err error) error {
	e := *apierr.As(err)
	e.Message = fmt.Sprintf(
		"%q is not a standard role, and the roles of the org could not be read to find a custom one: %s",
		action.Shorten(name), e.Message)
	if e.Kind == apierr.NotFound { // the list of roles was not found
		e.Kind = apierr.Rejected
	}
	return &e
}
