package main

import "example.com/okta-secops/internal/apierr"

// oktaCode is an error code of Okta that users of the product meet. A test sends each to the product and compares the
// kind.
type oktaCode struct {
	code    string
	status  int // of Okta's response
	summary string
	kind    apierr.Kind
	todo    string
	runbook string
}

// oktaCodes are those of https://developer.okta.com/docs/reference/error-codes/, as the product classifies them.
var oktaCodes = []oktaCode{
	{"E0000001", 400, "Api validation failed", apierr.Rejected,
		"Follow the cause in the message. If the text names the user's status (\"Cannot … user that is not …\"), the " +
			"outcome is `wrong_state`. Add Group reports an existing group as `unchanged`", ""},
	{"E0000003", 400, "The request body was not well-formed", apierr.Rejected,
		"A defect of the product or a changed API: report it with `okta_request_id`", ""},
	{"E0000004", 401, "Authentication failed", apierr.Credentials, "As E0000011", "credentials"},
	{"E0000005", 403, "Invalid session", apierr.Rejected, "As E0000011", "credentials"},
	{"E0000006", 403, "You do not have permission to perform the requested action", apierr.NoPermission,
		"The admin role of the service app, or of the owner of the API token, does not cover the user, or an access " +
			"token lacks a scope: assign the role or the resource set ([okta-setup.md](okta-setup.md))", "credentials"},
	{"E0000007", 404, "Not found", apierr.NotFound,
		"The user, group or role does not exist, or a write met a user who was deleted: check the name, or give the ID", ""},
	{"E0000008", 404, "The requested path was not found", apierr.Rejected,
		"The org does not have this API, or `OKTA_API_ROOT` is not the URL of the org", ""},
	{"E0000009", 500, "Internal Server Error", apierr.Unavailable,
		"See Okta's status page, then repeat with the same key. Up to 4 attempts were made", "errors"},
	{"E0000010", 503, "Service is in read only mode", apierr.Unavailable,
		"Okta is in maintenance: reads work, repeat changes later", "errors"},
	{"E0000011", 401, "Invalid token provided", apierr.Credentials,
		"The API token was revoked, was not used for 30 days, or its owner was deactivated: create another one",
		"credentials"},
	{"E0000014", 403, "Update of credentials failed", apierr.Rejected,
		"Okta did not accept the new password or factor: the message has its causes", ""},
	{"E0000015", 401, "You do not have permission to access the feature you are requesting", apierr.Credentials,
		"The org does not have the feature: ask Okta for it, or do not use the action", "credentials"},
	{"E0000016", 403, "Activation failed because the user is already active", apierr.WrongState,
		"The state is read again; an ACTIVE user is `unchanged`", ""},
	{"E0000017", 403, "Password reset failed", apierr.WrongState,
		"Change the password in the directory that manages it, or check the password policy", ""},
	{"E0000022", 405, "The endpoint does not support the provided HTTP method", apierr.Rejected,
		"A proxy changed the request, or the API has changed: report it with `okta_request_id`", ""},
	{"E0000023", 403, "Operation failed because user profile is mastered under another system", apierr.WrongState,
		"Make the change in the directory that manages the user", ""},
	{"E0000031", 400, "Invalid search criteria", apierr.Rejected, "Correct `Filter` or `Search` of List Users", ""},
	{"E0000032", 403, "Unlock is not allowed for this user", apierr.WrongState,
		"Okta unlocks only users whom it manages itself: unlock the user in the directory that manages the account", ""},
	{"E0000034", 403, "Forgot password not allowed on specified user", apierr.Rejected,
		"The password policy or a directory forbids it: Okta does not document more", ""},
	{"E0000038", 403, "This operation is not allowed in the user's current status", apierr.WrongState,
		"The message names the status and the next step. The state was read again", "containment"},
	{"E0000047", 429, "API call exceeded rate limit due to too many requests", apierr.Unavailable,
		"Wait for `retry_after_s`; fewer targets per request", "latency"},
	{"E0000056", 403, "Delete application forbidden", apierr.Rejected,
		"The product deletes no application: report it with `okta_request_id`", ""},
	{"E0000060", 501, "Unsupported operation", apierr.Unavailable, "The org does not support the operation", "errors"},
	{"E0000069", 403, "User Locked", apierr.Rejected,
		"Too many failed factors: wait, or use Unlock User or Reset Factors", ""},
	{"E0000076", 405, "Cannot modify the app user because it is mastered by an external app", apierr.Rejected,
		"Make the change in the directory that manages the user", ""},
	{"E0000080", 403, "The password does not meet the complexity requirements of the current password policy",
		apierr.Rejected, "Set Password: give a password that meets the policy, or set `Add 10 Random Chars`", ""},
	{"E0000090", 409, "The role specified is already assigned to the user", apierr.Rejected,
		"Assign Role reports `unchanged`", ""},
	{"E0000091", 400, "The provided role type was not the same as required role type", apierr.Rejected,
		"Check `Role Types`", ""},
	{"E0000100", 503, "Unable to perform search query", apierr.Unavailable, "Repeat later, or name users by ID", "errors"},
	{"E0000112", 409, "Cannot update this user because they are still being activated", apierr.Unavailable,
		"Repeat in some minutes", ""},
	{"invalid_client", 401, "OAuth: the key, the client ID or the assertion is not accepted", apierr.Credentials,
		"Check `OKTA_CLIENT_ID`, `OKTA_KEY_ID`, `OKTA_PRIVATE_KEY_SECRET`, and that the key is active in Okta",
		"credentials"},
	{"invalid_scope", 400, "OAuth: a scope is not granted to the app", apierr.Credentials,
		"Grant the scope that the message names: the app, tab **Okta API Scopes**", "credentials"},
	{"unauthorized_client", 400, "OAuth: the app may not use this grant", apierr.Credentials,
		"Check that the app is an API Services app and active", "credentials"},
	{"access_denied", 403, "OAuth: Okta or a policy refuses the app", apierr.Credentials,
		"Read the description in the message", "credentials"},
	{"invalid_dpop_proof", 400, "DPoP: the proof is not accepted", apierr.Credentials,
		"Check the clock of the function. One retry with a new proof was made", "credentials"},
	{"use_dpop_nonce", 400, "DPoP: Okta asks for its nonce", apierr.Credentials,
		"The product sends the nonce automatically; this is the second refusal. Repeat", "credentials"},
	{"invalid_issuer", 400, "Signals: the issuer is not registered", apierr.Rejected,
		"[signals.md](signals.md#when-a-signal-is-refused)", "credentials"},
	{"invalid_key", 400, "Signals: the key is not published", apierr.Rejected,
		"[signals.md](signals.md#when-a-signal-is-refused)", "credentials"},
	{"authentication_failed", 400, "Signals: the signature does not belong to the published key", apierr.Rejected,
		"[signals.md](signals.md#when-a-signal-is-refused)", "credentials"},
	{"invalid_audience", 400, "Signals: the audience is not the org", apierr.Rejected,
		"`OKTA_API_ROOT` must be the URL of the org, without `-admin`", ""},
}
