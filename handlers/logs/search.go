package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/internal/ssf"
)

type searchParams struct {
	Users    []string         `param:"Users" help:"IDs, logins or short logins of users: events of which one is the actor or a target. A short login also finds the users of other domains."`
	Question question         `param:"Question" default:"anything" help:"What to look for."`
	Address  action.IPAddress `param:"IP Address" help:"IP address of the client."`
	Since    moment           `param:"Since" help:"Begin of the time range: ISO 8601, or a duration before now, such as 90m, 24h or 7d; empty is 24h."`
	Until    moment           `param:"Until" help:"End of the time range, in the same forms; empty is now."`
	Filter   expression       `param:"Filter" help:"A filter expression for the System Log, which must hold too."`
	Limit    int              `param:"Limit" default:"100" min:"1" max:"5000" help:"The maximum number of events to return, the newest first."`
}

// question is a prepared filter.
type question string

const (
	anything  question = "anything"
	ownEvents question = "anything by this integration"
)

// questions are the filters of the questions.
// https://developer.okta.com/docs/reference/api/event-types/
var questions = map[question]string{
	anything:   "",
	ownEvents:  "", // of the own identity
	"sign-ins": `eventType eq "user.session.start"`,
	"failed sign-ins": `(eventType eq "user.session.start" or eventType sw "user.authentication.") ` +
		`and outcome.result eq "FAILURE"`,
	"MFA denied": `eventType eq "user.mfa.okta_verify.deny_push" or ` +
		`eventType eq "user.authentication.auth_via_mfa" and outcome.result eq "FAILURE"`,
	"admin changes":    `eventType sw "user.account.privilege." or eventType sw "group.privilege." or eventType sw "iam."`,
	"sessions cleared": `eventType eq "user.session.clear" or eventType eq "user.authentication.universal_logout"`,
	"password changes": `eventType eq "user.account.update_password" or eventType eq "user.account.reset_password" ` +
		`or eventType eq "user.account.expire_password"`,
}

// Allowed implements action.Allower.
func (question) Allowed() []string {
	return []string{
		string(anything), "sign-ins", "failed sign-ins", "MFA denied", "admin changes", "sessions cleared",
		"password changes", string(ownEvents),
	}
}

// moment is a time, or a duration before now.
type moment struct {
	at     time.Time
	before time.Duration
}

// span matches a duration: whole minutes, hours or days.
var span = regexp.MustCompile(`^([0-9]{1,5})([mhd])$`)

// UnmarshalParam implements action.ParamUnmarshaler.
func (m *moment) UnmarshalParam(text string) (warning string, err error) {
	if parts := span.FindStringSubmatch(strings.TrimSpace(text)); parts != nil {
		n, _ := strconv.Atoi(parts[1])
		if n == 0 {
			return "", errors.New("must be at least 1m")
		}
		units := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
		m.before = time.Duration(n) * units[parts[2]]
		return "", nil
	}
	m.at, err = ssf.ParseTime(text)
	if err != nil {
		err = fmt.Errorf("must be a duration, such as 24h or 7d, or a time: %w", err)
	}
	return "", err
}

// time returns the moment.
func (m moment) time(now time.Time, byDefault time.Duration) time.Time {
	switch {
	case !m.at.IsZero():
		return m.at
	case m.before > 0:
		return now.Add(-m.before)
	}
	return now.Add(-byDefault)
}

// expression is a filter expression whose parentheses and strings are complete, so that it cannot end the
// parentheses around it.
type expression string

// UnmarshalParam implements action.ParamUnmarshaler.
func (e *expression) UnmarshalParam(text string) (warning string, err error) {
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && c == '(':
			depth++
		case !quoted && c == ')':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || quoted {
		return "", errors.New("must close each parenthesis and string that it opens, and no others")
	}
	*e = expression(text)
	return "", nil
}

// defaultSince is the time range of a request without Since.
const defaultSince = 24 * time.Hour

var search = action.Define(action.Spec{
	Name:       "Search System Log",
	Category:   action.SearchesEvents,
	Summary:    "Search Okta's System Log by user, question, IP address and time.",
	OktaScopes: []string{"okta.logs.read"},
	Beyond:     true,
	Example:    action.Example{Parameters: map[string]any{"Users": "alice@acme.test", "Question": "sign-ins"}},
}, func(ctx context.Context, x *action.Execution, p searchParams) (*action.Result, error) {
	now := x.Now()
	q := okta.EventQuery{Since: p.Since.time(now, defaultSince), Until: p.Until.time(now, 0)}
	if !q.Since.Before(q.Until) {
		return nil, apierr.Invalid(action.Problem{Parameter: "Since", Message: fmt.Sprintf(
			"%s is not before Until, %s", q.Since.UTC().Format(time.RFC3339), q.Until.UTC().Format(time.RFC3339))})
	}
	own := ""
	if p.Question == ownEvents {
		var err error
		if own, err = ownID(ctx, x.Okta); err != nil {
			return nil, err
		}
	}
	q.Filter = filter(p, own)
	found, err := x.Okta.ListEvents(ctx, q, p.Limit+1) // one more, to know whether there are more
	if err != nil {
		return nil, filterProblem(p, err)
	}
	events := found.Items[:min(len(found.Items), p.Limit)]
	truncated := found.Cut || len(found.Items) > p.Limit
	if truncated {
		x.Warn("There are more events than these %d: raise Limit, or narrow the time range.", len(events))
	}
	return &action.Result{
		JSON:    map[string]any{"events": events, "count": len(events), "truncated": truncated},
		Message: message(events, q),
	}, nil
})

// ownID returns the ID of the own identity in Okta: of the service app, or of the owner of the token.
func ownID(ctx context.Context, o *okta.Client) (string, error) {
	if id := o.ClientID(); id != "" {
		return id, nil
	}
	me, err := o.Me(ctx)
	return me.ID, err
}

// filter returns the filter expression of a request.
func filter(p searchParams, own string) string {
	var users, parts []string
	for _, name := range p.Users {
		member, operator := "alternateId", "eq"
		switch {
		case okta.IsUserID(name):
			member = "id"
		case !strings.Contains(name, "@"):
			operator, name = "sw", name+"@"
		}
		value := okta.Quote(name)
		users = append(users, fmt.Sprintf("actor.%[1]s %[2]s %[3]s or target.%[1]s %[2]s %[3]s", member, operator, value))
	}
	add := func(part string) {
		if part != "" {
			parts = append(parts, "("+part+")")
		}
	}
	add(strings.Join(users, " or "))
	add(questions[p.Question])
	if own != "" {
		add("actor.id eq " + okta.Quote(own))
	}
	if p.Address != "" {
		add("client.ipAddress eq " + okta.Quote(string(p.Address)))
	}
	add(string(p.Filter))
	return strings.Join(parts, " and ")
}

// filterProblem returns Okta's error about the expression as a problem of Filter, and other errors
// unchanged.
func filterProblem(p searchParams, err error) error {
	failed := apierr.As(err)
	if p.Filter == "" || failed.Code != okta.CodeBadExpression && failed.Code != okta.CodeValidation {
		return err
	}
	invalid := apierr.Invalid(action.Problem{
		Parameter: "Filter", Message: "Okta does not accept the expression: " + failed.Message,
	})
	invalid.RequestID, invalid.Cause = failed.RequestID, err
	return invalid
}

// mostRows is how many events the message lists.
const mostRows = 20

// message returns the number of events and, if they are few, a table of them.
func message(events []json.RawMessage, q okta.EventQuery) string {
	window := fmt.Sprintf("from %s to %s", q.Since.UTC().Format(time.RFC3339), q.Until.UTC().Format(time.RFC3339))
	if len(events) == 0 {
		return "No event " + window + "."
	}
	text := fmt.Sprintf("Found %s %s.", action.Count(len(events), "event"), window)
	if len(events) > mostRows {
		return text
	}
	rows := []string{text, "", "| Time (UTC) | Actor | Event | Outcome | Client IP |", "|---|---|---|---|---|"}
	for _, raw := range events {
		rows = append(rows, row(raw))
	}
	return strings.Join(rows, "\n")
}

// row returns an event as a row of the table.
func row(raw json.RawMessage) string {
	var e struct {
		Published time.Time `json:"published"`
		EventType string    `json:"eventType"`
		Actor     struct {
			AlternateID string `json:"alternateId"`
		} `json:"actor"`
		Outcome struct {
			Result string `json:"result"`
			Reason string `json:"reason"`
		} `json:"outcome"`
		Client struct {
			IPAddress string `json:"ipAddress"`
		} `json:"client"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return "| an event of another form | | | | |"
	}
	outcome := apierr.Sentence(": ", e.Outcome.Result, e.Outcome.Reason)
	at := e.Published.UTC().Format("2006-01-02 15:04:05")
	cells := []string{at, e.Actor.AlternateID, e.EventType, outcome, e.Client.IPAddress}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(action.Shorten(strings.Join(strings.Fields(cell), " ")), "|", "/")
	}
	return "| " + strings.Join(cells, " | ") + " |"
}
