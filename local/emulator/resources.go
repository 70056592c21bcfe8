package emulator

import "strconv"

// UserDevices is the feature that GET /api/v1/users/{user}/devices needs, for SetFeature.
const UserDevices = "user_devices"

// listAppLinks implements GET /api/v1/users/{user}/appLinks: the applications of the user, each for a
// client or a session.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserResources/
func listAppLinks(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	links := []map[string]any{}
	for i, name := range u.apps {
		id := newID("0oa", u.id, name, "app")
		links = append(links, map[string]any{
			"id": newID("00u", u.id, name), "label": name, "linkUrl": c.base + "/home/app/" + id, "appName": "app",
			"appInstanceId":   id,
			"appAssignmentId": newID("0ua", u.id, name), "hidden": false, "credentialsSetup": false, "sortOrder": i,
		})
	}
	return oktaResponse{body: links}, nil
}

// listAPITokens implements GET /api/v1/api-tokens: that of this emulator, and those of the users.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/
func (e *Emulator) listAPITokens(*oktaCall) (oktaResponse, *oktaError) {
	bodies := []map[string]any{}
	add := func(u *user, name string) {
		bodies = append(bodies, map[string]any{
			"id": newID("00T", u.id, name), "name": name, "userId": u.id, "clientName": "Okta API",
			"created": stamp(u.created), "lastUpdated": stamp(u.created), "expiresAt": stamp(u.created.AddDate(1, 0, 0)),
		})
	}
	add(e.org.owner, "okta-secops")
	for _, u := range e.org.users {
		for _, name := range u.apiTokens {
			add(u, name)
		}
	}
	return oktaResponse{body: bodies}, nil
}

// listDevices implements GET /api/v1/users/{user}/devices.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserResources/
func (e *Emulator) listDevices(_ *oktaCall, u *user) (oktaResponse, *oktaError) {
	if e.org.lacks[UserDevices] {
		return oktaResponse{}, errNoFeature
	}
	devices := []map[string]any{}
	for i, name := range u.devices {
		devices = append(devices, map[string]any{
			"created": stamp(u.created), "deviceUserId": newID("odu", u.id, name),
			"device": map[string]any{
				"id": newID("guo", u.id, strconv.Itoa(i)), "status": "ACTIVE",
				"profile": map[string]any{"displayName": name, "platform": "MACOS", "registered": true},
			},
		})
	}
	return oktaResponse{body: devices}, nil
}
