package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// factor is an enrolled factor of a user.
type factor struct {
	id, kind, provider string
	enrolled           time.Time
}

// factorBody is a factor in responses.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserFactor/
type factorBody struct {
	ID          string         `json:"id"`
	FactorType  string         `json:"factorType"`
	Provider    string         `json:"provider"`
	VendorName  string         `json:"vendorName"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Profile     map[string]any `json:"profile"`
}

// enroll adds factors of these types.
func (u *user) enroll(kinds []string, at time.Time) {
	for _, kind := range kinds {
		id := newID("ost", u.id, kind, strconv.Itoa(len(u.factors)))
		u.factors = append(u.factors, factor{id, kind, "OKTA", at})
	}
}

// factorKinds returns the types of the user's factors.
func (u *user) factorKinds() []string {
	var kinds []string
	for _, f := range u.factors {
		kinds = append(kinds, f.kind)
	}
	return kinds
}

// listFactors implements GET /api/v1/users/{user}/factors.
func listFactors(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	bodies := []factorBody{}
	for _, f := range u.factors {
		bodies = append(bodies, factorBody{
			f.id, f.kind, f.provider, f.provider, "ACTIVE", stamp(f.enrolled), stamp(f.enrolled),
			map[string]any{"credentialId": u.login()},
		})
	}
	return oktaResponse{body: bodies}, nil
}

// deleteFactor implements DELETE /api/v1/users/{user}/factors/{factor}.
func deleteFactor(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	id := c.PathValue("factor")
	if !slices.ContainsFunc(u.factors, func(f factor) bool { return f.id == id }) {
		return oktaResponse{}, notFound(id, "UserFactor")
	}
	u.factors = slices.DeleteFunc(u.factors, func(f factor) bool { return f.id == id })
	return oktaResponse{status: http.StatusNoContent}, nil
}

// resetFactors implements POST /api/v1/users/{user}/lifecycle/reset_factors: it removes all factors.
func resetFactors(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if u.status == statusDeprovisioned {
		return oktaResponse{}, errWrongStatus
	}
	u.factors, u.lastUpdated = nil, c.at
	return oktaResponse{body: empty}, nil
}

// blockBody is an access block in responses.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/#tag/User/operation/listUserBlocks
type blockBody struct {
	Type      string `json:"type"`
	AppliesTo string `json:"appliesTo"`
}

// listBlocks implements GET /api/v1/users/{user}/blocks.
func listBlocks(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	blocks := []blockBody{}
	if u.blocked {
		blocks = append(blocks, blockBody{"DEVICE_BASED", "UNKNOWN_DEVICES"})
	}
	return oktaResponse{body: blocks}, nil
}
