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
