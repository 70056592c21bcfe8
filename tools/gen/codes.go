package main

import (
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/guardrail"
)

// The parties who fix the reason of an error.
const (
	byCaller   = "caller"
	byOperator = "operator"
	byOkta     = "Okta admin"
	byPolicy   = "owner of the policy"
	byDefect   = "developers"
	byTime     = "time; operator if it lasts"
)

// errorCode has what docs/errors.md says of a code and the source does not. The kinds are those of the source.
type errorCode struct {
	code, meaning, fixer string
	runbook              string        // in docs/runbooks, without .md; "" if none fits
	kinds                []apierr.Kind // of a code that the source makes in parts
	status               int           // of a code without a kind
}

// errorCodes are the codes of the product, except Okta's.
var errorCodes = []errorCode{
	{code: "action_not_allowed", fixer: byOperator,
		meaning: "The caller's key does not allow the action. The message lists the allowed actions"},
	{code: "ambiguous", fixer: byCaller, meaning: "The name fits several users, groups or roles: give the ID"},
	{code: "bad_certificate", fixer: byOperator, runbook: "errors",
		meaning: "Okta's TLS certificate is not trusted: check `OKTA_API_ROOT` and any TLS-inspecting proxy"},
	{code: "bad_reply", fixer: byOperator, runbook: "errors",
		meaning: "The response is not as Okta's API defines it, such as a proxy's login page"},
	{code: "body_too_large", fixer: byCaller, meaning: "The body or the data of the message is over 1 MiB"},
	{code: "canceled", fixer: byCaller, meaning: "The job was canceled before this user's batch began. Nothing was done"},
	{code: "caller_unverifiable", fixer: byTime, runbook: "errors",
		meaning: "Google's public keys cannot be fetched, so ID tokens cannot be checked"},
	{code: "changed_since", fixer: byCaller,
		meaning: "The state is neither the one that an earlier run left nor the one that `if_state` names. Nothing was " +
			"sent: to do it again, use a new key, or leave out `if_state`"},
	{code: "deadline_exceeded", fixer: byCaller, runbook: "latency",
		meaning: "`REQUEST_DEADLINE` passed first: send fewer targets, and repeat with the same key"},
	{code: "foreign_host", fixer: byCaller, meaning: "Local product: the Host is not the loopback address"},
	{code: "foreign_origin", fixer: byCaller, meaning: "Local product: a page of another site sent the request"},
	{code: guardrail.LastSuperAdmin.Code(), fixer: byOkta, runbook: "guardrails",
		meaning: "The user is the last ACTIVE super administrator"},
	{code: guardrail.OwnIdentity.Code(), fixer: byOkta, runbook: "guardrails",
		meaning: "The user owns the API token of the product"},
	{code: guardrail.AdminCredentials.Code(), fixer: byOkta, runbook: "guardrails",
		meaning: "The change would set or return a password or link of an administrator"},
	{code: guardrail.Protection.Code(), fixer: byPolicy, runbook: "guardrails",
		meaning: "The policy protects the user. The message has the entry and its reason"},
	{code: guardrail.AssignableRoles.Code(), fixer: byPolicy, runbook: "guardrails",
		meaning: "The policy does not allow to assign this role"},
	{code: guardrail.DeniedActions.Code(), fixer: byPolicy, runbook: "guardrails",
		meaning: "The policy denies the action"},
	{code: guardrail.Deactivate.Code(), fixer: byPolicy, runbook: "guardrails",
		meaning: "The policy does not allow to deactivate users: suspend the user"},
	{code: guardrail.MaxTargetsPerCall.Code(), fixer: byCaller, runbook: "guardrails",
		meaning: "The call has more targets than the policy allows: check the list, then split it"},
	{code: guardrail.MaxUsersPerHour.Code(), fixer: byTime, runbook: "guardrails",
		meaning: "The hourly limit of the policy is reached (429), or the call alone is above it (422)"},
	{code: guardrail.Freeze.Code(), fixer: byPolicy, runbook: "guardrails",
		meaning: "The policy freezes all changes. The message has the reason"},
	{code: guardrail.CodeUnavailable, fixer: byOperator, runbook: "guardrails",
		meaning: "The policy or a fact of a rule cannot be read. The message names it"},
	{code: "idempotency_key_reused", fixer: byCaller,
		meaning: "The Idempotency-Key belongs to another request of the last 24 hours"},
	{code: "idempotency_unavailable", fixer: byOperator, runbook: "errors",
		meaning: "The idempotency store is unavailable, so nothing was changed: check the bucket and the role on it"},
	{code: "inherited_from_group", fixer: byOkta,
		meaning: "The role comes from a group: remove the user from the group, or the role from the group"},
	{code: "internal", fixer: byDefect, runbook: "errors",
		meaning: "A defect. The log has the details under the `invocation_id`, and the stack trace of a panic"},
	{code: "invalid_message", fixer: byCaller, runbook: "dead-letters",
		meaning: "The request to `/pubsub` is not a Pub/Sub message, or not one as a push subscription delivers it"},
	{code: "invalid_request", fixer: byCaller,
		meaning: "The request is not valid; `problems` names each parameter. From Okta's signal receiver it is a 422: " +
			"[signals.md](signals.md#when-a-signal-is-refused)"},
	{code: "job_given_up", fixer: byOperator, runbook: "dead-letters",
		meaning: "The user's batch did not end within 20 hours, or its outcome is not known: check the user in Okta"},
	{code: "job_not_started", fixer: byTime, runbook: "errors",
		meaning: "The job or its messages could not be stored. The message says what happens to it: check the bucket, " +
			"`JOBS_TOPIC` and the roles on them, then send it again"},
	{code: "jobs_not_configured", fixer: byOperator, meaning: "The function has no jobs: set `JOBS_TOPIC`"},
	{code: "loopback_only", fixer: byOperator,
		meaning: "`CALLER_AUTH` is `none`, and the connection is not on loopback"},
	{code: "method_not_allowed", fixer: byCaller, meaning: "The path exists, the HTTP method does not"},
	{code: "misconfigured", fixer: byOperator, runbook: "errors",
		meaning: "Settings or secrets are missing, malformed or contradictory. The message names each"},
	{code: "not_available", fixer: byOkta,
		meaning: "The org does not have the feature of the action, such as user risk (Identity Threat Protection)"},
	{code: "not_by_path", fixer: byCaller, meaning: "Okta cannot look up this name by path: give the ID"},
	{code: "not_in_record", fixer: byCaller,
		meaning: "Restore User: `Record` is not that of the run that contained this user"},
	{code: "not_logged", fixer: byCaller,
		meaning: "With `verify`: the System Log does not have the event yet. Look again later"},
	{code: "not_verified", fixer: byOkta, runbook: "containment",
		meaning: "Okta accepted the change, and the state reads back as another one: check the user in Okta"},
	{code: "okta_<status>", fixer: byTime, runbook: "errors", kinds: []apierr.Kind{apierr.Credentials, apierr.Unavailable},
		meaning: "Okta, or a proxy, returned 401 (`okta_401`, 502) or a 5xx (`okta_503`, 503) without an Okta error code"},
	{code: "okta_timeout", fixer: byTime, runbook: "errors", meaning: "Okta did not respond within 30 s"},
	{code: "okta_token_unavailable", fixer: byTime, runbook: "errors",
		meaning: "Okta's token endpoint returned a 5xx"},
	{code: "okta_unreachable", fixer: byOperator, runbook: "errors",
		meaning: "The connection to Okta failed. The message has the reason: name, refused, timeout, closed"},
	{code: "other_object", fixer: byOkta, meaning: "Okta returned another object than the requested one"},
	{code: "overloaded", fixer: byTime, runbook: "latency",
		meaning: "A limit of the instance is reached: requests, bodies (429), or memory for responses (503)"},
	{code: "rate_limited", fixer: byTime, runbook: "latency",
		meaning: "Okta's rate limit is reached, or resets after the deadline of the request"},
	{code: "reply_too_large", fixer: byCaller, meaning: "One response of Okta is over 16 MiB: use a smaller `Limit`"},
	{code: "request_running", fixer: byTime, runbook: "unacknowledged",
		meaning: "A run with the same Idempotency-Key is in progress, or was cut off less than a minute ago"},
	{code: "secret_in_job", fixer: byCaller,
		meaning: "A job stores its request and result, which would hold a secret: send it without `Prefer: respond-async`"},
	{code: "secret_needs_http", fixer: byCaller, runbook: "dead-letters",
		meaning: "The message has, or would return, a password, key or link: send it over HTTP"},
	{code: "secret_unavailable", fixer: byTime, runbook: "errors",
		meaning: "Secret Manager is unavailable, and no cached value is younger than an hour"},
	{code: "shutting_down", fixer: byTime, meaning: "The instance is ending: send the request again"},
	{code: "start_token_required", fixer: byCaller, status: 401,
		meaning: "Local product with `-okta -write`: a change needs the start token that was printed"},
	{code: "too_large", fixer: byCaller, meaning: "A list of Okta is over 10 MB: use a smaller `Limit` or a filter"},
	{code: "unauthenticated", fixer: byOperator, runbook: "no-traffic",
		meaning: "The caller is not authenticated. The log has the reason, the reply has not"},
	{code: "unavailable", fixer: byOperator, meaning: "`OktaTransmitter`: its public keys cannot be read at the moment"},
	{code: "unknown_action", fixer: byCaller,
		meaning: "The function has no such action. The message names the function that has it, or the actions"},
	{code: "unknown_job", fixer: byCaller,
		meaning: "This caller has no job with this ID; jobs are kept for a day"},
	{code: "unknown_path", fixer: byCaller, status: 404, meaning: "Local product: the path belongs to no function"},
	{code: apierr.CodeUnknownResult, fixer: byCaller, runbook: "errors",
		meaning: "A non-idempotent write may or may not have been made: check the user in Okta before a repeat"},
	{code: "unsupported_media_type", fixer: byCaller,
		meaning: "The body is not `application/json`, or it is compressed"},
	{code: "wrong_start_token", fixer: byCaller, status: 403,
		meaning: "Local product: the start token is of an earlier start"},
	{code: "wrong_state", fixer: byCaller, runbook: "containment",
		meaning: "The user's status does not allow the change. The message names the next step"},
}

// computedCodes are the expressions of codes that are not constants, by file, with the reason why the tables have them.
var computedCodes = map[string]string{
	"internal/okta/errors.go: r.errorCode()":                      "Okta's code",
	"internal/okta/errors.go: \"okta_\" + strconv.Itoa(r.status)": "okta_<status>",
	"internal/httpapi/job_state.go: b.reply.Error.Code":           "the code of a stored reply",
	"internal/okta/errors.go: c.Error":                            "Okta's code of a refused DPoP proof",
	"internal/okta/oauth_errors.go: body.Err":                     "Okta's OAuth error",
	"internal/okta/write_hook.go: failed.Code":                    "the code of an error, for the audit",
	"internal/action/target.go: t.Error.Code":                     "the code of a stored reply",
	"internal/httpapi/reply.go: code":                             "a code of the local product",
	"internal/apierr/apierr.go: code":                             "the parameter of New and Errorf",
	"handlers/groups/members.go: failed.Code":                     "the code of the look-up",
	"local/page.go: f.Code":                                       "the code of caller.OwnPage",
}
