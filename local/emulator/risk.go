package emulator

import (
	"net/http"
	"regexp"
	"slices"
)

// UserRisk is the feature that the routes of the users' risk need, for SetFeature.
const UserRisk = "user_risk"

// The levels that can be set, and the one of a user without any.
var riskLevels = []string{"LOW", "MEDIUM", "HIGH"}

const noRisk = "NONE"

// riskReason matches the reasons that Okta accepts.
var riskReason = regexp.MustCompile(`^[a-zA-Z0-9 \-,.]{0,500}$`)

// getRisk implements GET /api/v1/users/{user}/risk.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserRisk/
func (e *Emulator) getRisk(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	if e.org.lacks[UserRisk] {
		return oktaResponse{}, errNoFeature
	}
	body := map[string]any{"riskLevel": noRisk}
	if u.risk != "" {
		body["riskLevel"] = u.risk
		body["reason"] = u.riskReason
	}
	return oktaResponse{body: body}, nil
}

// setRisk implements PUT /api/v1/users/{user}/risk: 200, or 201 for a user without a level.
func (e *Emulator) setRisk(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	var in struct {
		Level  string `json:"riskLevel"`
		Reason string `json:"riskReason"`
	}
	if e.org.lacks[UserRisk] {
		return oktaResponse{}, errNoFeature
	}
	if failure := c.decode(&in); failure != nil {
		return oktaResponse{}, failure
	}
	switch {
	case !slices.Contains(riskLevels, in.Level):
		return oktaResponse{}, invalid("riskLevel", "The field has an invalid value")
	case !riskReason.MatchString(in.Reason):
		return oktaResponse{}, invalid("riskReason", "The field has an invalid value")
	}
	status := http.StatusOK
	if u.risk == "" {
		status = http.StatusCreated
	}
	idle := u.risk == in.Level
	u.risk, u.riskReason = in.Level, in.Reason
	body := map[string]any{"riskLevel": u.risk, "reason": u.riskReason}
	return oktaResponse{status: status, body: body, idle: idle}, nil
}
