// Package config reads the settings from environment variables. Settings declares them; FromEnv returns all problems at
// once, as an *Error whose text shows no value that may be a secret.
package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/pubsub"
	"example.com/okta-secops/secrets"
)

const (
	maxConcurrency = 35 // leaves half of an org's 75 concurrent calls to other clients
	replyTime      = 5 * time.Second
	maxDeadline    = 540*time.Second - replyTime // the longest function timeout that Pub/Sub waits for
)

// Config has the values of the settings.
type Config struct {
	Root        *url.URL // OKTA_API_ROOT
	TokenRef    string   // OKTA_API_TOKEN_SECRET; empty with OAuth, and without credentials
	VerifySSL   bool     // OKTA_VERIFY_SSL
	Concurrency int      // OKTA_CONCURRENCY
	LimitShare  float64  // OKTA_LIMIT_SHARE

	OAuth                   bool   // OKTA_USE_OAUTH: authenticate as the service app of the next three
	ClientID, KeyID, KeyRef string // OKTA_CLIENT_ID, OKTA_KEY_ID, OKTA_PRIVATE_KEY_SECRET

	QuarantineGroup string // of OktaContainment; "": none

	SigningKeyRef, SigningKeyID, Issuer string // ITP_*; empty if requests bring their own
	TimestampInSeconds                  bool   // ITP_TIMESTAMP_UNIT

	Callers

	MaxTargets     int // MAX_TARGETS
	MaxInvocations int // MAX_INVOCATIONS, in flight in one process

	Guardrails string // GUARDRAILS: the policy as JSON, or a reference to it; empty: none

	IdempotencyBucket, IdempotencyPrefix string        // IDEMPOTENCY_BUCKET, IDEMPOTENCY_PREFIX; no bucket: in memory
	ResultsTopic, DeadLetterTopic        string        // RESULTS_TOPIC, DEAD_LETTER_TOPIC, full names; empty: none
	jobsTopic                            string        // JOBS_TOPIC
	Deadline                             time.Duration // REQUEST_DEADLINE
}

// Error has all problems of the settings.
type Error struct{ Problems []string }

// Error joins the problems.
func (e *Error) Error() string { return strings.Join(e.Problems, "; ") }

// FromEnv reads the settings. An empty variable counts as not set. credentials reports whether the functions call Okta
// with credentials, which must be set then. The error is an *Error.
func FromEnv(getenv func(string) string, credentials bool) (Config, error) {
	e := env{getenv: getenv}
	c := Config{
		Root:            e.root("OKTA_API_ROOT"),
		TokenRef:        e.ref("OKTA_API_TOKEN_SECRET"),
		VerifySSL:       e.boolean("OKTA_VERIFY_SSL"),
		Concurrency:     e.integer("OKTA_CONCURRENCY", 1, maxConcurrency),
		LimitShare:      e.share("OKTA_LIMIT_SHARE"),
		OAuth:           e.boolean("OKTA_USE_OAUTH"),
		ClientID:        e.get("OKTA_CLIENT_ID"),
		KeyID:           e.keyID("OKTA_KEY_ID"),
		KeyRef:          e.ref("OKTA_PRIVATE_KEY_SECRET"),
		SigningKeyRef:   e.ref("ITP_SIGNING_KEY_SECRET"),
		SigningKeyID:    e.keyID("ITP_KEY_ID"),
		Issuer:          e.httpsURL("ITP_ISSUER_URL"),
		QuarantineGroup: strings.TrimSpace(e.get("QUARANTINE_GROUP")),
		MaxTargets:      e.integer("MAX_TARGETS", 1, 10_000),
		MaxInvocations:  e.integer("MAX_INVOCATIONS", 1, 1000),
		Deadline:        min(e.duration("REQUEST_DEADLINE", maxDeadline), e.platformTimeout()-replyTime),
	}
	e.checkCredentials(credentials, c)
	if c.Guardrails = strings.TrimSpace(e.get("GUARDRAILS")); !strings.HasPrefix(c.Guardrails, "{") {
		c.Guardrails = e.ref("GUARDRAILS")
	}
	for _, old := range slices.Sorted(maps.Keys(renamed)) {
		if getenv(old) != "" {
			e.problem("%s is now named %s: rename the setting", old, renamed[old])
		}
	}
	c.IdempotencyBucket, c.IdempotencyPrefix = e.get("IDEMPOTENCY_BUCKET"), e.get("IDEMPOTENCY_PREFIX")
	if c.IdempotencyBucket != "" && (!bucketName.MatchString(c.IdempotencyBucket) || len(c.IdempotencyBucket) > 222) {
		e.problem("IDEMPOTENCY_BUCKET must be the name of a bucket, without gs://")
	}
	if c.IdempotencyPrefix != "" && (c.IdempotencyBucket == "" || !objectPrefix.MatchString(c.IdempotencyPrefix) ||
		len(c.IdempotencyPrefix) > 201) {
		e.problem("IDEMPOTENCY_PREFIX needs IDEMPOTENCY_BUCKET and consists of letters, digits, dots, -, _ and /")
	}
	c.ResultsTopic, c.DeadLetterTopic = e.topic("RESULTS_TOPIC"), e.topic("DEAD_LETTER_TOPIC")
	c.jobsTopic = e.jobsTopic("JOBS_TOPIC")
	// The audit reads it itself, because it must work with incomplete settings.
	if !slices.Contains([]string{"plain", "hashed"}, e.get("AUDIT_LOGINS")) {
		e.problem("AUDIT_LOGINS must be plain or hashed")
	}
	unit := e.get("ITP_TIMESTAMP_UNIT")
	if c.TimestampInSeconds = unit == "s"; unit != "s" && unit != "ms" {
		e.problem("ITP_TIMESTAMP_UNIT must be ms or s")
	}
	c.Callers = e.callers()
	if len(e.problems) > 0 {
		return Config{}, &Error{Problems: e.problems}
	}
	return c, nil
}

// env reads variables and collects their problems.
type env struct {
	getenv   func(string) string
	problems []string
}

func (e *env) problem(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}

// get returns the value of a setting, or its default.
func (e *env) get(name string) string {
	s := setting(name)
	if text := e.getenv(name); text != "" {
		return text
	}
	return s.Default
}

// checkCredentials checks that exactly one way to authenticate to Okta is set, completely. No credentials are correct
// if Okta is not called with credentials.
func (e *env) checkCredentials(credentials bool, c Config) {
	for _, oauth := range []struct{ name, value string }{
		{"OKTA_CLIENT_ID", c.ClientID}, {"OKTA_KEY_ID", c.KeyID}, {"OKTA_PRIVATE_KEY_SECRET", c.KeyRef},
	} {
		switch {
		case !c.OAuth && oauth.value != "":
			e.problem("%s is an OAuth setting, but Use Oauth Authentication is off (OKTA_USE_OAUTH): turn it on, or remove "+
				"the setting", setting(oauth.name).title())
		case c.OAuth && oauth.value == "":
			e.problem("%s is not set, but Use Oauth Authentication is on (OKTA_USE_OAUTH): set it", setting(oauth.name).title())
		}
	}
	switch {
	case c.OAuth && c.TokenRef != "":
		e.problem("OKTA_API_TOKEN_SECRET (Api Token) is set, but Use Oauth Authentication is on (OKTA_USE_OAUTH): choose " +
			"one of them")
	case credentials && !c.OAuth && c.TokenRef == "":
		e.problem("OKTA_API_TOKEN_SECRET (Api Token) is not set: give a reference to the secret with the API token, " +
			"or turn OKTA_USE_OAUTH (Use Oauth Authentication) on and set its settings")
	}
}

func (e *env) topic(name string) string {
	text := e.get(name)
	if text == "" {
		return ""
	}
	topic, err := pubsub.FullName(text, e.get("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		e.problem("%s %s", name, err)
	}
	return topic
}

// jobsTopic returns the full name of a topic that may contain the name of the group.
func (e *env) jobsTopic(name string) string {
	const stand = "group-name"
	text := e.get(name)
	if text == "" {
		return ""
	}
	topic, err := pubsub.FullName(strings.ReplaceAll(text, groupMark, stand), e.get("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		e.problem("%s %s", name, err)
	}
	return strings.ReplaceAll(topic, stand, groupMark)
}

// groupMark stands for the name of the group in JOBS_TOPIC.
const groupMark = "{group}"

// JobsTopic returns the full name of the topic for the batches of a group's jobs (JOBS_TOPIC), "" for none.
func (c Config) JobsTopic(group string) string {
	return strings.ReplaceAll(c.jobsTopic, groupMark, group)
}

var (
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]+[a-z0-9]$`)   // 3 to 222 characters
	objectPrefix = regexp.MustCompile(`^[A-Za-z0-9._-][A-Za-z0-9._/-]*$`) // to 201 characters
)

func (e *env) root(name string) *url.URL {
	text := strings.TrimSpace(e.get(name))
	if text == "" {
		e.problem("%s is not set: give the URL of the org, such as https://acme.okta.com", setting(name).title())
		return nil
	}
	u, err := parseRoot(text)
	if err != nil {
		e.problem("%s %s", setting(name).title(), err)
	}
	return u
}

func (e *env) ref(name string) string {
	ref := e.get(name)
	if ref == "" {
		return ""
	}
	if err := secrets.CheckRef(ref); err != nil {
		kind := "a secret reference"
		if name == "GUARDRAILS" {
			kind = "a policy in JSON, which begins with {, or a secret reference"
		}
		e.problem("%s is not %s: %s", setting(name).title(), kind, err)
	}
	return ref
}

func (e *env) keyID(name string) string {
	id := e.get(name)
	if err := keys.CheckID(id); err != nil {
		e.problem("%s %s", setting(name).title(), err)
	}
	return id
}

// httpsURL reads an optional URL, which Okta knows.
func (e *env) httpsURL(name string) string {
	text := e.get(name)
	if text == "" {
		return ""
	}
	if !caller.IsSecureURL(text) {
		e.problem("%s must be an https URL, as registered in Okta", setting(name).title())
	}
	return text
}

func (e *env) boolean(name string) bool {
	b, err := strconv.ParseBool(strings.ToLower(e.get(name)))
	if err != nil {
		e.problem("%s must be true or false", setting(name).title())
	}
	return b
}

func (e *env) integer(name string, least, most int) int {
	n, err := strconv.Atoi(e.get(name))
	if err != nil || n < least || n > most {
		e.problem("%s must be a whole number from %d to %d", name, least, most)
	}
	return n
}

func (e *env) share(name string) float64 {
	f, err := strconv.ParseFloat(e.get(name), 64)
	if err != nil || !(f > 0 && f <= 1) {
		e.problem("%s must be a number above 0, up to 1, such as 0.5", name)
	}
	return f
}

// platformTimeout returns the time after which the platform ends a request; without its variable one hour, its maximum.
func (e *env) platformTimeout() time.Duration {
	seconds, err := strconv.Atoi(e.get("CLOUD_RUN_TIMEOUT_SECONDS"))
	if err != nil || seconds <= 0 {
		return time.Hour
	}
	return max(time.Duration(seconds)*time.Second, replyTime+time.Second)
}

func (e *env) duration(name string, most time.Duration) time.Duration {
	d, err := time.ParseDuration(e.get(name))
	if err != nil || d < time.Second || d > most {
		e.problem("%s must be a duration from 1s to %s, such as 100s", name, most)
	}
	return d
}
