package config

import (
	"regexp"
	"slices"
	"strings"

	"example.com/okta-secops/internal/caller"
)

// Callers has the settings of the authentication of callers.
type Callers struct {
	CallerAuth                     string   // CALLER_AUTH: one of caller's modes
	CallerKeysRef, CallerKeyHeader string   // CALLER_KEYS_SECRET, CALLER_KEY_HEADER; with apikey
	CallerAudiences, CallerEmails  []string // CALLER_AUDIENCE, CALLER_EMAILS; with oidc
	PushAudiences, PushEmails      []string // PUSH_AUDIENCE, PUSH_EMAILS; not with iam
}

// CallersFromEnv reads only the settings of the authentication, so that authenticated callers can be shown the errors
// of the other settings. The error is an *Error.
func CallersFromEnv(getenv func(string) string) (Callers, error) {
	e := env{getenv: getenv}
	c := e.callers()
	if len(e.problems) > 0 {
		return Callers{}, &Error{Problems: e.problems}
	}
	return c, nil
}

// callers reads the settings of the authentication. A setting of another mode is refused, because the operator relies
// on it.
func (e *env) callers() Callers {
	c := Callers{CallerAuth: e.get("CALLER_AUTH")}
	c.CallerKeysRef, c.CallerKeyHeader = e.ref("CALLER_KEYS_SECRET"), e.get("CALLER_KEY_HEADER")
	c.CallerAudiences, c.CallerEmails = e.list("CALLER_AUDIENCE"), e.emails("CALLER_EMAILS")
	c.PushAudiences, c.PushEmails = e.list("PUSH_AUDIENCE"), e.emails("PUSH_EMAILS")
	e.checkMode(c)
	for _, own := range [][2]string{
		{"CALLER_KEYS_SECRET", caller.APIKey}, {"CALLER_KEY_HEADER", caller.APIKey},
		{"CALLER_AUDIENCE", caller.OIDC}, {"CALLER_EMAILS", caller.OIDC},
	} {
		if name, mode := own[0], own[1]; c.CallerAuth != mode && e.getenv(name) != "" {
			e.problem("%s is set, but CALLER_AUTH is not %s: remove it, or change CALLER_AUTH", name, mode)
		}
	}
	switch push := len(c.PushAudiences) > 0; {
	case push != (len(c.PushEmails) > 0):
		e.problem("PUSH_AUDIENCE and PUSH_EMAILS need each other: the audience of the push subscription's ID tokens, and " +
			"the e-mail address of its service account")
	case push && c.CallerAuth == caller.IAM:
		e.problem("PUSH_AUDIENCE is set, but with CALLER_AUTH iam Cloud Run authenticates deliveries: remove it and " +
			"PUSH_EMAILS")
	}
	return c
}

// checkMode checks that CALLER_AUTH is a mode, that its settings are set, and that it works on this platform.
func (e *env) checkMode(c Callers) {
	onCloud := e.get("K_SERVICE") != ""
	switch c.CallerAuth {
	case "":
		e.problem("CALLER_AUTH is not set: set it to iam, oidc, apikey, or none on loopback; until then every request is " +
			"refused")
	case caller.IAM:
		if !onCloud {
			e.problem("CALLER_AUTH is iam, which only Cloud Run checks, but this is not Cloud Run (K_SERVICE is not set): " +
				"use oidc or apikey")
		}
	case caller.OIDC:
		if len(c.CallerAudiences) == 0 {
			e.problem("CALLER_AUDIENCE is not set, but CALLER_AUTH is oidc: give the audience of the ID tokens, which is " +
				"the function's URL")
		}
		if len(c.CallerEmails) == 0 {
			e.problem("CALLER_EMAILS is not set, but CALLER_AUTH is oidc: give the e-mail addresses of the service accounts " +
				"that may call")
		}
	case caller.APIKey:
		if c.CallerKeysRef == "" {
			e.problem("CALLER_KEYS_SECRET is not set, but CALLER_AUTH is apikey: give a reference to the secret with the keys")
		}
		if !headerName.MatchString(c.CallerKeyHeader) {
			e.problem("CALLER_KEY_HEADER must be the name of a header, such as X-Api-Key")
		}
	case caller.None:
		if onCloud {
			e.problem("CALLER_AUTH is none, which works on loopback only, but this is Cloud Run (K_SERVICE is set): use " +
				"iam, oidc or apikey")
		}
	default:
		e.problem("CALLER_AUTH must be iam, oidc, apikey or none")
	}
}

func (e *env) emails(name string) []string {
	emails := e.list(name)
	if slices.ContainsFunc(emails, func(email string) bool { return !strings.Contains(email, "@") }) {
		e.problem("%s must be e-mail addresses, separated by commas", name)
	}
	return emails
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)

// list returns the items of a list that is separated by commas.
func (e *env) list(name string) []string {
	var items []string
	for item := range strings.SplitSeq(e.get(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
