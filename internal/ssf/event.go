package ssf

import (
	"cmp"
	"maps"
	"strings"
	"time"
)

// Event is one thing that happened to a user or a device, of a type that Okta accepts. The functions of
// this file return events with the members that their type requires.
//
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SSFSecurityEventToken/
type Event struct {
	Subject
	OccurredAt time.Time // event_timestamp
	InSeconds  bool      // event_timestamp is in seconds; otherwise in milliseconds

	kind    string         // the URI of the type
	members map[string]any // besides subject and event_timestamp
}

// Subject is whom an event concerns: a user, a device, or a user's device.
type Subject struct {
	Email    string // of the user, in upper or lower case; ""
	DeviceID string // Okta's ID of the device; ""
}

// The URIs of the event types.
const (
	okta = "https://schemas.okta.com/secevent/okta/event-type/"
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
)

// RiskChange returns an event about another risk of the user, or of the device if the subject has only that. The
// previous level "" is one level lower: the two must differ for the event to be a change.
func RiskChange(s Subject, current, previous Level, reason string) Event {
	kind := okta + "user-risk-change"
	if s.Email == "" {
		kind = okta + "device-risk-change"
	}
	previous = cmp.Or(previous, current.previous())
	return event(s, kind, reason, map[string]any{"current_level": string(current), "previous_level": string(previous)})
}

// SessionRevoked returns an event about the end of a user's session in another system. The IP address
// and the user agent of the session may be "".
func SessionRevoked(s Subject, address, agent, reason string) Event {
	return event(s, caep+"session-revoked", reason, map[string]any{"current_ip": address, "current_user_agent": agent})
}

// IPChange returns an event about another IP address of a user's session.
func IPChange(s Subject, current, previous, reason string) Event {
	members := map[string]any{"current_ip_address": current, "previous_ip_address": previous}
	return event(s, okta+"ip-change", reason, members)
}

// DeviceCompliance returns an event about a device that became compliant, or not any more.
func DeviceCompliance(s Subject, compliant bool, reason string) Event {
	const yes, no = "compliant", "not-compliant"
	members := map[string]any{"current_status": no, "previous_status": yes}
	if compliant {
		members = map[string]any{"current_status": yes, "previous_status": no}
	}
	return event(s, caep+"device-compliance-change", reason, members)
}

// IdentifierChanged returns an event about another e-mail address of a user.
func IdentifierChanged(s Subject, address string) Event {
	return event(s, risc+"identifier-changed", "", map[string]any{"new-value": address})
}

// event returns an event with those of the members that have a value.
func event(s Subject, kind, reason string, members map[string]any) Event {
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == "" })
	if reason != "" {
		members["reason_admin"] = map[string]any{"en": reason}
	}
	return Event{Subject: s, kind: kind, members: members}
}

// Claims returns the events claim.
func (e Event) Claims() map[string]any {
	members := maps.Clone(e.members)
	subject := map[string]any{}
	if e.Email != "" {
		subject["user"] = map[string]any{"format": "email", "email": strings.ToLower(e.Email)}
	}
	if e.DeviceID != "" {
		subject["device"] = map[string]any{"format": "opaque", "id": e.DeviceID}
	}
	members["subject"] = subject
	members["event_timestamp"] = e.OccurredAt.UnixMilli()
	if e.InSeconds {
		members["event_timestamp"] = e.OccurredAt.Unix()
	}
	return map[string]any{e.kind: members}
}
