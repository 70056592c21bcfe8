// Package testkit runs the whole product for a test: the real handlers over a real server on loopback,
// and the stateful emulator as Okta. A test calls an action and checks three things: the requests to Okta,
// Okta's state afterwards, and the whole reply.
package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/logging"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/oktaspec"
)

// Now is the time at the start of every World.
var Now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// The names under which a System's own key is registered in its Okta, as that of a transmitter and of a service app.
const (
	Issuer   = "http://127.0.0.1/transmitter"
	KeyID    = "testkit-key"
	ClientID = "0oatestkit0000000000"
)

// ownKey is made once: RSA keys are slow to make.
var ownKey = sync.OnceValues(func() (keys.Key, error) { return keys.GenerateRSA(2048) })

// Options changes a System.
type Options struct {
	Env      map[string]string // settings over the standard ones; an empty value unsets one
	PageSize int               // of Okta's lists
	// App is the service app that the product signs in as, instead of with an API token. It is granted what the
	// actions need unless it has Scopes.
	App     *emulator.App
	Secrets secrets.Source          // nil: what Replace writes to
	Storage []option.ClientOption   // how Cloud Storage is reached
	Google  http.RoundTripper       // gives Google's public keys
	PubSub  bool                    // there is a Pub/Sub, which delivers to the product and takes what it publishes
	Clock   okta.Clock              // nil: NewClock; a World always has that one
	Log     io.Writer               // nil: kept for System.Log
	Observe func(emulator.Observed) // called for every call to Okta
	Records int                     // room for idempotency records in memory, in bytes; 0: as in production
	// CloudLogging writes the log as the deployed functions do, and without debug entries.
	CloudLogging bool

	// OffSpecification is for a World whose org is to hold what Okta's specification does not allow; its replies are
	// not held against it.
	OffSpecification bool
}

// System is one product and one Okta, each behind a separate server on loopback.
type System struct {
	Okta *emulator.Emulator
	Key  keys.Key // the deployment's signing key, registered in Okta, and the key of its service app

	OktaURL     string
	URL         string // of the product; groups are under their names
	Transmitter string // URL of OktaTransmitter

	Broker *pubsub.Broker // nil without Pub/Sub

	log     lockedBuffer
	vault   vault
	servers []*httptest.Server
}

// Start starts a System with the seeded org. Close ends it.
func Start(o Options) (*System, error) {
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	s := &System{Okta: emulator.New(emulator.Options{Token: "api-token-canary", Now: o.Clock.Now, PageSize: o.PageSize, Observe: o.Observe})}
	if o.Log == nil {
		o.Log = &s.log
	}
	var err error
	if s.Key, err = ownKey(); err != nil {
		return nil, err
	}
	s.OktaURL = s.serve(s.Okta)
	s.Okta.RegisterTransmitter(Issuer, s.Key.JWKS(KeyID))
	env := map[string]string{
		"OKTA_API_ROOT": s.OktaURL, "OKTA_API_TOKEN_SECRET": "token", "CALLER_AUTH": "none",
		"ITP_SIGNING_KEY_SECRET": "key", "ITP_KEY_ID": KeyID, "ITP_ISSUER_URL": Issuer,
		"REQUEST_DEADLINE": "500s", // a busy machine is slow
	}
	if o.App != nil {
		maps.Copy(env, s.register(*o.App))
	}
	// The product needs the address of Pub/Sub, and Pub/Sub that of the product.
	var handler atomic.Value
	s.URL = s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.Load().(http.Handler).ServeHTTP(w, r) }))
	var transmitter atomic.Value
	s.Transmitter = s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { transmitter.Load().(http.Handler).ServeHTTP(w, r) }))
	env["ITP_PUBLIC_KEYS_SECRET"], env["ITP_JWKS_URL"] = "public-keys", s.Transmitter+"/jwks.json"
	var clientOptions []option.ClientOption
	if o.PubSub {
		if s.Broker, err = s.startBroker(); err != nil {
			return nil, err
		}
		clientOptions = pubsub.ClientOptions(s.Broker.Addr)
		env["RESULTS_TOPIC"], env["DEAD_LETTER_TOPIC"] = pubsub.ResultsTopic, pubsub.DeadLetterTopic
		env["JOBS_TOPIC"] = pubsub.Topic("{group}")
	}
	maps.Copy(env, o.Env)
	pem := s.Key.PEM().Reveal()
	s.vault.holds = secrets.Memory{"token": s.Okta.Token(), "key": pem, "app-key": pem, "wrong-token": "revoked-token-canary",
		"public-keys": string(s.Key.JWKS(KeyID))}
	if o.Secrets == nil {
		o.Secrets = &s.vault
	}
	getenv := func(name string) string { return env[name] }
	log := slog.New(slog.NewJSONHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.CloudLogging {
		log = logging.New(o.Log, getenv)
	}
	a := app.New(app.Options{
		Getenv:  getenv,
		Secrets: o.Secrets,
		Google:  o.Google,
		Storage: o.Storage,
		PubSub:  clientOptions,
		Publish: time.Minute, // a busy machine is not a failure of Pub/Sub
		Clock:   o.Clock,
		Records: o.Records,
		Groups:  handlers.Groups,
		Log:     log,
	})
	handler.Store(http.Handler(httpapi.Mount(handlers.Groups, a.Open)))
	transmitter.Store(httpapi.TransmitterHandler(a.OpenTransmitter()))
	return s, nil
}

// register makes a service app and returns the settings that go with it.
func (s *System) register(a emulator.App) map[string]string {
	a.ClientID, a.JWKS = ClientID, s.Key.JWKS(KeyID)
	if a.Scopes == nil {
		for _, g := range handlers.Groups {
			a.Scopes = append(append(a.Scopes, g.Scopes()...), g.OptionalScopes()...)
		}
	}
	s.Okta.RegisterApp(a)
	return map[string]string{
		"OKTA_USE_OAUTH": "true", "OKTA_API_TOKEN_SECRET": "", "OKTA_CLIENT_ID": ClientID, "OKTA_KEY_ID": KeyID, "OKTA_PRIVATE_KEY_SECRET": "app-key",
	}
}

// Replace puts another value in place of a secret of the product: token, key (which signs signals), public-keys (which the
// transmitter publishes), app-key (which the service app signs in with) or callers (the keys of callers).
func (s *System) Replace(secret string, value secrets.Value) {
	s.vault.mu.Lock()
	defer s.vault.mu.Unlock()
	s.vault.holds[secret] = value.Reveal()
}

// vault is a secrets.Source whose secrets can be replaced.
type vault struct {
	mu    sync.Mutex
	holds secrets.Memory
}

// Get implements secrets.Source.
func (v *vault) Get(ctx context.Context, ref string) (secrets.Value, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.holds.Get(ctx, ref)
}

func (s *System) serve(h http.Handler) string {
	server := httptest.NewServer(h)
	s.servers = append([]*httptest.Server{server}, s.servers...) // the product ends before Okta, which it calls
	return server.URL
}

// Close ends the System.
func (s *System) Close() {
	if s.Broker != nil {
		_ = s.Broker.Close()
	}
	for _, server := range s.servers {
		server.Close()
	}
}

// Log is everything that the product logged.
func (s *System) Log() string { return s.log.String() }

// World is a System of one test. It ends with the test, which fails if the product called a route that Okta does
// not have, if a call or Okta's reply is not as Okta's own specification has it, or if a secret is in the log or in a reply
// that may not carry it.
type World struct {
	*System
	Clock *Clock

	t        testing.TB
	canaries canaries
}

// New starts a World.
func New(t testing.TB, o Options) *World {
	t.Helper()
	spec, err := oktaspec.Load()
	if err != nil {
		t.Fatal(err)
	}
	clock := NewClock()
	o.Clock = clock
	var deviations lockedBuffer
	w := &World{Clock: clock, t: t}
	told, off := o.Observe, o.OffSpecification
	o.Observe = func(c emulator.Observed) {
		w.canaries.observe(c)
		c.Fault = c.Fault || off
		for _, problem := range spec.Check(c) {
			fmt.Fprintln(&deviations, problem)
		}
		if told != nil {
			told(c)
		}
	}
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	w.System = s
	w.canaries.plantKey(s.Key.PEM().Reveal())
	t.Cleanup(func() { // after the product has ended
		if kinds := w.canaries.found(s.Log(), true); len(kinds) > 0 {
			t.Errorf("the log holds %s", strings.Join(kinds, ", "))
		}
		w.checkTopics()
		if unknown := s.Okta.UnknownRoutes(); len(unknown) > 0 {
			t.Errorf("the product called routes that Okta does not have: %v", unknown)
		}
		if text := deviations.String(); text != "" {
			t.Error(text)
		}
	})
	t.Cleanup(s.Close)
	return w
}

// client has its own connections: the end of a test's server closes idle ones of http.DefaultClient.
var client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// Reply is the response of the product to a call.
type Reply struct {
	HTTP   int
	Header http.Header
	Body   []byte
	JSON   map[string]any // numbers are json.Number
}

// Params is a request with these parameters and nothing else.
func Params(parameters map[string]any) map[string]any {
	return map[string]any{"parameters": parameters}
}

// Run asks for an action: path is "users/disable-user". body is marshaled; a string is sent as it is.
func (w *World) Run(path string, body any) Reply {
	w.t.Helper()
	text, isText := body.(string)
	if !isText {
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(b)
	}
	return w.Do(http.MethodPost, path, text, nil)
}

// AtOnce runs the same request several times in parallel.
func (w *World) AtOnce(path string, body any, times int) []Reply {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	replies := make([]Reply, times)
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() { replies[i] = w.Do(http.MethodPost, path, string(text), nil) })
	}
	wg.Wait()
	return replies
}

// Do sends one request to the product. header is over Content-Type: application/json.
func (w *World) Do(method, path, body string, header http.Header) Reply {
	w.t.Helper()
	w.canaries.given(body)
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+"/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		r.Header[k] = v
	}
	res, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	out := Reply{HTTP: res.StatusCode, Header: res.Header}
	if out.Body, err = io.ReadAll(res.Body); err != nil {
		w.t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(out.Body))
	d.UseNumber()
	if err := d.Decode(&out.JSON); err != nil {
		w.t.Fatalf("%s %s returned %d without a JSON object: %s", method, path, out.HTTP, out.Body)
	}
	if kinds := w.canaries.inReply(out); len(kinds) > 0 {
		w.t.Errorf("%s %s: the reply holds %s", method, path, strings.Join(kinds, ", "))
	}
	return out
}

// Want compares the whole reply. want is JSON; invocation_id and okta_request_id, which differ from run to
// run, are left out of both. Unless want has replayed, it is to be null.
func (r Reply) Want(t testing.TB, status int, want string) {
	t.Helper()
	if r.HTTP != status {
		t.Errorf("HTTP status %d, want %d", r.HTTP, status)
	}
	var w any
	d := json.NewDecoder(strings.NewReader(want))
	d.UseNumber()
	if err := d.Decode(&w); err != nil {
		t.Fatalf("the wanted reply is not JSON: %v", err)
	}
	if m, ok := w.(map[string]any); ok {
		if _, named := m["replayed"]; !named {
			m["replayed"] = nil
		}
	}
	var got any = r.JSON
	if m, ok := w.(map[string]any); ok && m["undo_requests"] == nil {
		got = r.withoutUndo(t)
	}
	if diff := cmp.Diff(stripVolatile(w), stripVolatile(got)); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

// withoutUndo returns the reply without what the top level repeats of the undo of its targets. It checks that every change has
// an undo or a reason why there is none, and that the top level has each of them once.
func (r Reply) withoutUndo(t testing.TB) map[string]any {
	t.Helper()
	out := maps.Clone(r.JSON)
	var users, reasons int
	targets := []any{}
	list, _ := r.JSON["targets"].([]any)
	for _, target := range list {
		m := maps.Clone(target.(map[string]any))
		outcome, undo, reason := m["outcome"], m["undo"], m["not_undoable"]
		if (outcome == "changed" || outcome == "accepted") && undo == nil && reason == nil {
			t.Errorf("a change has neither an undo nor a reason why not: %v", m)
		}
		if undo != nil {
			users++
		}
		if reason != nil {
			reasons++
		}
		delete(m, "not_undoable")
		targets = append(targets, m)
	}
	requests, _ := r.JSON["undo_requests"].([]any)
	for _, request := range requests {
		options := request.(map[string]any)["body"].(map[string]any)["options"].(map[string]any)
		users -= len(options["if_state"].(map[string]any))
	}
	not, _ := r.JSON["not_undoable"].([]any)
	if users != 0 || len(not) != reasons {
		t.Errorf("undo_requests %v and not_undoable %v are not those of the targets", requests, not)
	}
	delete(out, "undo_requests")
	delete(out, "not_undoable")
	if r.JSON["targets"] != nil {
		out["targets"] = targets
	}
	return out
}

// stripVolatile copies v without the ids of a single run.
func stripVolatile(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			if k != "invocation_id" && k != "okta_request_id" && k != "org" {
				out[k] = stripVolatile(m)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = stripVolatile(m)
		}
		return out
	}
	return v
}

// Get follows keys and indexes into the reply: Get("targets", 0, "outcome"). It returns nil if there is no such value.
func (r Reply) Get(path ...any) any {
	var v any = r.JSON
	for _, p := range path {
		switch key := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[key]
		case int:
			l, _ := v.([]any)
			if key >= len(l) {
				return nil
			}
			v = l[key]
		}
	}
	return v
}

// Outcomes returns the outcomes of the targets, in order.
func (r Reply) Outcomes() []string {
	out := []string{}
	targets, _ := r.JSON["targets"].([]any)
	for i := range targets {
		outcome, _ := r.Get("targets", i, "outcome").(string)
		out = append(out, outcome)
	}
	return out
}

// tokenPath is the path of the token endpoint.
const tokenPath = "/oauth2/v1/token"

// Asked returns the requests to Okta's API since the last Forget, as "METHOD /path?query". Access tokens are not part of it,
// nor are the facts that a process reads once in five minutes for its guardrails: the owner of the API token, and the list of
// administrators.
func (w *World) Asked() []string {
	return slices.DeleteFunc(w.AskedAll(), func(line string) bool {
		return line == "GET /api/v1/users/me" || line == "GET /api/v1/iam/assignees/users"
	})
}

// AskedAll is Asked with the facts of the guardrails.
func (w *World) AskedAll() []string {
	out := []string{}
	for _, r := range w.Okta.Requests() {
		if r.Path == tokenPath {
			continue
		}
		line := r.Method + " " + r.Path
		if r.Query != "" {
			line += "?" + r.Query
		}
		out = append(out, line)
	}
	return out
}

// Writes returns Asked without the reads.
func (w *World) Writes() []string {
	out := []string{}
	for _, line := range w.Asked() {
		if !strings.HasPrefix(line, "GET ") {
			out = append(out, line)
		}
	}
	return out
}

// WantWrites compares the writes sent to Okta in any order, because targets run in parallel.
func (w *World) WantWrites(want ...string) {
	w.t.Helper()
	got := w.Writes()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		w.t.Errorf("writes in Okta (-want +got):\n%s", diff)
	}
}

// AsOktaHasIt returns Okta's own response for a path, which a reply must pass on unaltered. It empties Okta's
// request log.
func (w *World) AsOktaHasIt(path string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.OktaURL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "SSWS "+w.Okta.Token())
	res, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %d: %s %v", path, res.StatusCode, body, err)
	}
	w.Forget()
	return string(body)
}

// Forget empties Okta's request log.
func (w *World) Forget() { w.Okta.ClearRequests() }

// User is a user's state in Okta; it must exist.
func (w *World) User(login string) emulator.UserState {
	w.t.Helper()
	u, ok := w.Okta.User(login)
	if !ok {
		w.t.Fatalf("Okta has no user %q", login)
	}
	return u
}

// ID is a user's id in Okta.
func (w *World) ID(login string) string { w.t.Helper(); return w.User(login).ID }

// Expand replaces ${id:login} by the id of the user, ${okta} by Okta's address.
func (w *World) Expand(s string) string {
	w.t.Helper()
	return os.Expand(s, func(name string) string {
		if login, ok := strings.CutPrefix(name, "id:"); ok {
			return w.ID(login)
		}
		if name == "okta" {
			return w.OktaURL
		}
		w.t.Fatalf("no expansion is named %q", name)
		return ""
	})
}

// lockedBuffer is a buffer for concurrent writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// JSON returns a value as JSON text.
func JSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
