// Package config reads the deployment's settings from the environment and checks them. It reports every
// problem at once, by variable and by the product parameter that it carries.
package config

import (
	"fmt"
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

// The bounds of settings.
const (
	maxConcurrency = 35 // leaves half of an org's 75 concurrent calls to others
	replyTime      = 5 * time.Second
	maxDeadline    = 540*time.Second - replyTime // the longest timeout of a function that Pub/Sub waits for
)

// Config is the settings of one process. Secrets are references; nothing here is secret.
type Config struct {
	Root        *url.URL // OKTA_API_ROOT, without a path
	TokenRef    string   // OKTA_API_TOKEN_SECRET; empty with OAuth, and where there are no credentials
	VerifySSL   bool     // OKTA_VERIFY_SSL
	Concurrency int      // OKTA_CONCURRENCY
	LimitShare  float64  // OKTA_LIMIT_SHARE

	OAuth                   bool   // OKTA_USE_OAUTH: sign in as the service app of the next three
	ClientID, KeyID, KeyRef string // OKTA_CLIENT_ID, OKTA_KEY_ID, OKTA_PRIVATE_KEY_SECRET

	SigningKeyRef, SigningKeyID, Issuer string // ITP_*; empty where calls bring their own

	Callers

	MaxTargets     int // MAX_TARGETS
	MaxInvocations int // MAX_INVOCATIONS, in flight in one process

	IdempotencyBucket, IdempotencyPrefix string        // IDEMPOTENCY_BUCKET, IDEMPOTENCY_PREFIX; no bucket: claims live in the process
	ResultsTopic, DeadLetterTopic        string        // RESULTS_TOPIC, DEAD_LETTER_TOPIC, in full; empty: nothing is published
	Deadline                             time.Duration // REQUEST_DEADLINE
}

// Error is what is wrong with the settings, all of it.
type Error struct{ Problems []string }

// Error joins the problems.
func (e *Error) Error() string { return strings.Join(e.Problems, "; ") }

// FromEnv reads the settings. An empty variable counts as not set. credentials tells that Okta is called
// with credentials, so that they must be there. The error is an *Error.
func FromEnv(getenv func(string) string, credentials bool) (Config, error) {
	e := env{getenv: getenv}
	c := Config{
		Root:           e.root(),
		TokenRef:       e.ref("OKTA_API_TOKEN_SECRET", "Api Token"),
		VerifySSL:      e.boolean("OKTA_VERIFY_SSL", "Verify SSL", true),
		Concurrency:    e.integer("OKTA_CONCURRENCY", 8, 1, maxConcurrency),
		LimitShare:     e.share("OKTA_LIMIT_SHARE", 0.5),
		OAuth:          e.boolean("OKTA_USE_OAUTH", "Use Oauth Authentication", false),
		ClientID:       getenv("OKTA_CLIENT_ID"),
		KeyID:          e.keyID("OKTA_KEY_ID"),
		KeyRef:         e.ref("OKTA_PRIVATE_KEY_SECRET", "Private Key"),
		SigningKeyRef:  e.ref("ITP_SIGNING_KEY_SECRET", "Private Key String"),
		SigningKeyID:   e.keyID("ITP_KEY_ID"),
		Issuer:         e.issuer(),
		MaxTargets:     e.integer("MAX_TARGETS", 100, 1, 10_000),
		MaxInvocations: e.integer("MAX_INVOCATIONS", 250, 1, 1000),
		Deadline:       min(e.duration("REQUEST_DEADLINE", 100*time.Second, maxDeadline), e.platformTimeout()-replyTime),
	}
	e.signIn(credentials, c)
	if getenv("GUARDRAILS") != "" {
		e.problem("GUARDRAILS is set, but this build does not serve it, and to ignore it would be dangerous")
	}
	for _, renamed := range []struct{ old, name string }{{"CLAIMS_BUCKET", "IDEMPOTENCY_BUCKET"}, {"CLAIMS_PREFIX", "IDEMPOTENCY_PREFIX"}} {
		if getenv(renamed.old) != "" {
			e.problem("%s is now named %s: rename the setting", renamed.old, renamed.name)
		}
	}
	c.IdempotencyBucket, c.IdempotencyPrefix = getenv("IDEMPOTENCY_BUCKET"), getenv("IDEMPOTENCY_PREFIX")
	if c.IdempotencyBucket != "" && !bucketName.MatchString(c.IdempotencyBucket) {
		e.problem("IDEMPOTENCY_BUCKET must be the name of a bucket, without gs://")
	}
	if c.IdempotencyPrefix != "" && (c.IdempotencyBucket == "" || !objectPrefix.MatchString(c.IdempotencyPrefix)) {
		e.problem("IDEMPOTENCY_PREFIX goes with IDEMPOTENCY_BUCKET, and is letters, digits, dots, -, _ and /")
	}
	c.ResultsTopic, c.DeadLetterTopic = e.topic("RESULTS_TOPIC"), e.topic("DEAD_LETTER_TOPIC")
	// The audit reads it by itself: it is there before the settings are known to be whole.
	if logins := getenv("AUDIT_LOGINS"); !slices.Contains([]string{"", "plain", "hashed"}, logins) {
		e.problem("AUDIT_LOGINS must be plain or hashed")
	}
	c.Callers = e.callers()
	if len(e.problems) > 0 {
		return Config{}, &Error{Problems: e.problems}
	}
	return c, nil
}

// env reads variables and collects what is wrong with them.
type env struct {
	getenv   func(string) string
	problems []string
}

func (e *env) problem(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}

// signIn checks that there is one way to sign in to Okta, and all of it. Nothing at all is right where Okta is not
// called with credentials.
func (e *env) signIn(credentials bool, c Config) {
	oauth := []struct{ variable, value string }{
		{"OKTA_CLIENT_ID (Client ID)", c.ClientID}, {"OKTA_KEY_ID (Key ID)", c.KeyID}, {"OKTA_PRIVATE_KEY_SECRET (Private Key)", c.KeyRef},
	}
	for _, setting := range oauth {
		switch {
		case !c.OAuth && setting.value != "":
			e.problem("%s is an OAuth setting, but Use Oauth Authentication is off (OKTA_USE_OAUTH): turn it on, or leave the setting out", setting.variable)
		case c.OAuth && setting.value == "":
			e.problem("%s is not set, and Use Oauth Authentication is on (OKTA_USE_OAUTH)", setting.variable)
		}
	}
	switch {
	case c.OAuth && c.TokenRef != "":
		e.problem("OKTA_API_TOKEN_SECRET (Api Token) is set, but Use Oauth Authentication is on (OKTA_USE_OAUTH): choose one of the two")
	case credentials && !c.OAuth && c.TokenRef == "":
		e.problem("OKTA_API_TOKEN_SECRET (Api Token) is not set: give a reference to the secret that holds the API token, or turn OKTA_USE_OAUTH (Use Oauth Authentication) on and set what goes with it")
	}
}

func (e *env) topic(name string) string {
	text := e.getenv(name)
	if text == "" {
		return ""
	}
	topic, err := pubsub.FullName(text, e.getenv("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		e.problem("%s %s", name, err)
	}
	return topic
}

var (
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
	objectPrefix = regexp.MustCompile(`^[A-Za-z0-9._-][A-Za-z0-9._/-]{0,200}$`)
)

func (e *env) root() *url.URL {
	const name = "OKTA_API_ROOT (Api Root)"
	text := strings.TrimSpace(e.getenv("OKTA_API_ROOT"))
	if text == "" {
		e.problem("%s is not set: give the org's URL, such as https://acme.okta.com", name)
		return nil
	}
	u, err := parseRoot(text)
	if err != nil {
		e.problem("%s %s", name, err)
	}
	return u
}

func (e *env) ref(name, parameter string) string {
	ref := e.getenv(name)
	if ref == "" {
		return ""
	}
	if err := secrets.CheckRef(ref); err != nil {
		e.problem("%s (%s) is not a secret reference: %s", name, parameter, err)
	}
	return ref
}

func (e *env) keyID(name string) string {
	id := e.getenv(name)
	if err := keys.CheckID(id); err != nil {
		e.problem("%s (Key ID) %s", name, err)
	}
	return id
}

func (e *env) issuer() string {
	text := e.getenv("ITP_ISSUER_URL")
	if text == "" {
		return ""
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && caller.IsLoopback(u.Hostname())) {
		e.problem("ITP_ISSUER_URL (Issuer URL) must be an https URL, as registered in Okta")
	}
	return text
}

func (e *env) boolean(name, parameter string, standard bool) bool {
	text := e.getenv(name)
	if text == "" {
		return standard
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		e.problem("%s (%s) must be true or false", name, parameter)
	}
	return b
}

func (e *env) integer(name string, standard, least, most int) int {
	text := e.getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		e.problem("%s must be a whole number from %d to %d", name, least, most)
	}
	return n
}

func (e *env) share(name string, standard float64) float64 {
	text := e.getenv(name)
	if text == "" {
		return standard
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f > 0 && f <= 1) {
		e.problem("%s must be a number above 0, up to 1, such as 0.5", name)
	}
	return f
}

// platformTimeout is when the platform ends a request, as it says itself; an hour, its longest, where it
// does not.
func (e *env) platformTimeout() time.Duration {
	seconds, err := strconv.Atoi(e.getenv("CLOUD_RUN_TIMEOUT_SECONDS"))
	if err != nil || seconds <= 0 {
		return time.Hour
	}
	return max(time.Duration(seconds)*time.Second, replyTime+time.Second)
}

func (e *env) duration(name string, standard, most time.Duration) time.Duration {
	text := e.getenv(name)
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > most {
		e.problem("%s must be a duration from 1s to %s, such as 100s", name, most)
	}
	return d
}
