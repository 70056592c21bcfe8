package emulator

import (
	"slices"
	"strconv"
	"time"
)

// empty is the body of a successful lifecycle operation without a result.
var empty = struct{}{}

// suspend implements POST /api/v1/users/{user}/lifecycle/suspend: ACTIVE → SUSPENDED. It ends the
// sessions and keeps groups, roles and apps.
func suspend(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if u.status != statusActive {
		return oktaResponse{}, preconditionFailed("Cannot suspend a user that is not active")
	}
	u.setStatus(statusSuspended, c.at)
	u.sessions = 0
	return oktaResponse{body: empty}, nil
}

// unsuspend implements POST /api/v1/users/{user}/lifecycle/unsuspend: SUSPENDED → ACTIVE.
func unsuspend(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if u.status != statusSuspended {
		return oktaResponse{}, preconditionFailed("Cannot unsuspend a user that is not suspended")
	}
	u.setStatus(statusActive, c.at)
	return oktaResponse{body: empty}, nil
}

// deactivate implements POST /api/v1/users/{user}/lifecycle/deactivate: any status → DEPROVISIONED,
// immediately or after Deactivation.MS. sendEmail is false by default. It removes sessions, OAuth
// tokens and the password.
func (e *Emulator) deactivate(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	sendEmail, failure := c.flag("sendEmail", false)
	if failure != nil {
		return oktaResponse{}, failure
	}
	if u.status == statusDeprovisioned {
		return oktaResponse{}, errWrongStatus
	}
	if ms := e.org.delays.deactivation.MS; ms > 0 {
		u.becoming, u.due = statusDeprovisioned, c.at.Add(time.Duration(ms)*time.Millisecond)
		e.org.delays.pending = append(e.org.delays.pending, u)
	} else {
		u.deprovision(c.at)
	}
	if sendEmail {
		u.mails = append(u.mails, "deactivated")
	}
	return oktaResponse{body: empty}, nil
}

// deprovision completes a deactivation.
func (u *user) deprovision(at time.Time) {
	u.becoming = ""
	u.setStatus(statusDeprovisioned, at)
	u.sessions, u.tokens, u.password, u.factors = 0, 0, "", nil
}

// activate implements POST /api/v1/users/{user}/lifecycle/activate: STAGED or DEPROVISIONED →
// ACTIVE if the user has a password, otherwise PROVISIONED. sendEmail is true by default; without
// an e-mail the response contains the activation link.
func activate(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	sendEmail, failure := c.flag("sendEmail", true)
	if failure != nil {
		return oktaResponse{}, failure
	}
	if u.status != statusStaged && u.status != statusDeprovisioned {
		return oktaResponse{}, errAlreadyActive
	}
	if u.password != "" {
		u.setStatus(statusActive, c.at)
	} else {
		u.setStatus(statusProvisioned, c.at)
	}
	return u.activation(c, sendEmail), nil
}

// reactivate implements POST /api/v1/users/{user}/lifecycle/reactivate: a new activation link for a
// PROVISIONED or RECOVERY user, without a change of status. sendEmail is false by default.
func reactivate(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	sendEmail, failure := c.flag("sendEmail", false)
	if failure != nil {
		return oktaResponse{}, failure
	}
	if u.status != statusProvisioned && u.status != statusRecovery {
		return oktaResponse{}, errWrongStatus
	}
	return u.activation(c, sendEmail), nil
}

// activation sends an activation link by e-mail or returns it in the response.
func (u *user) activation(c *oktaCall, sendEmail bool) oktaResponse {
	token := u.oneTimeToken()
	if sendEmail {
		u.mails = append(u.mails, "activation")
		return oktaResponse{body: empty}
	}
	return oktaResponse{body: map[string]string{"activationUrl": c.base + "/welcome/" + token, "activationToken": token}}
}

// oneTimeToken returns a new token for a link.
func (u *user) oneTimeToken() string {
	u.oneTime++
	return derive(20, "one-time", u.id, strconv.Itoa(u.oneTime))
}

// resetPassword implements POST /api/v1/users/{user}/lifecycle/reset_password: → RECOVERY.
// sendEmail is required; without an e-mail the response contains the link. revokeSessions ends the
// sessions.
func resetPassword(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if !c.URL.Query().Has("sendEmail") {
		return oktaResponse{}, invalid("sendEmail", "The field is required")
	}
	sendEmail, failure := c.flag("sendEmail", false)
	if failure != nil {
		return oktaResponse{}, failure
	}
	revokeSessions, failure := c.flag("revokeSessions", false)
	if failure != nil {
		return oktaResponse{}, failure
	}
	switch u.status {
	case statusDeprovisioned:
		return oktaResponse{}, errWrongStatus
	case statusStaged, statusSuspended:
		return oktaResponse{}, errResetFailed
	}
	if u.directory != "" {
		return oktaResponse{}, errResetFailed
	}
	u.setStatus(statusRecovery, c.at)
	if revokeSessions {
		u.sessions = 0
	}
	token := u.oneTimeToken()
	if sendEmail {
		u.mails = append(u.mails, "reset_password")
		return oktaResponse{body: empty}, nil
	}
	return oktaResponse{body: map[string]string{"resetPasswordUrl": c.base + "/reset_password/" + token}}, nil
}

// unlock implements POST /api/v1/users/{user}/lifecycle/unlock: LOCKED_OUT → ACTIVE, or the end of the
// block of an ACTIVE user from unknown devices.
func unlock(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if u.status != statusLockedOut && (u.status != statusActive || !u.blocked) || u.directory != "" {
		return oktaResponse{}, errUnlockForbidden
	}
	u.blocked = false
	u.setStatus(statusActive, c.at)
	return oktaResponse{body: empty}, nil
}

// expirePassword implements POST /api/v1/users/{user}/lifecycle/expire_password: a user who can
// sign in → PASSWORD_EXPIRED. The response is the user.
func expirePassword(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	if failure := u.expire(c); failure != nil {
		return oktaResponse{}, failure
	}
	return oktaResponse{body: u.full(c.base)}, nil
}

// expire makes the user PASSWORD_EXPIRED.
func (u *user) expire(c *oktaCall) *oktaError {
	if !slices.Contains([]string{statusActive, statusLockedOut, statusPasswordExpired, statusRecovery}, u.status) {
		return errWrongStatus
	}
	if u.directory != "" {
		return errMastered
	}
	u.setStatus(statusPasswordExpired, c.at)
	return nil
}

// expireWithTemporary implements POST /api/v1/users/{user}/lifecycle/expire_password_with_temp_password:
// like expirePassword, with a temporary password in the response. revokeSessions ends the sessions.
func expireWithTemporary(c *oktaCall, u *user) (oktaResponse, *oktaError) {
	revokeSessions, failure := c.flag("revokeSessions", false)
	if failure == nil {
		failure = u.expire(c)
	}
	if failure != nil {
		return oktaResponse{}, failure
	}
	u.password, u.passwordChanged = "Tmp-"+u.oneTimeToken(), c.at
	if revokeSessions {
		u.sessions = 0
	}
	return oktaResponse{body: map[string]string{"tempPassword": u.password}}, nil
}
