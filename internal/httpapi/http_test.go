package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/buildinfo"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/secrets"
)

// callerFunc is a caller.Authenticator.
type callerFunc func(r *http.Request) error

func (f callerFunc) Authenticate(r *http.Request) (caller.Identity, error) {
	return caller.Identity{}, f(r)
}

func allowAny(*http.Request) error { return nil }

type noParams struct{}

// served returns a group of one action, and its log.
func served(t *testing.T, run func(ctx context.Context, c *action.Execution) (*action.Result, error)) (action.Group, Setup, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	a := action.Define(action.Spec{Name: "Do Something", Summary: "Does something."}, func(ctx context.Context, c *action.Execution, _ noParams) (*action.Result, error) {
		return run(ctx, c)
	})
	return action.Group{Name: "things", Function: "OktaThings", Actions: []action.Action{a}}, Setup{
		Caller: callerFunc(allowAny), Deadline: time.Minute, Log: logger, InFlight: NewInFlightLimiter(2), Idempotency: idempotency.New(&idempotency.Memory{}, time.Now, idempotency.LeaseDuration), Audit: audit.New(func() *slog.Logger { return logger }, "r-1", false),
		Deps: func(context.Context) (action.Deps, error) {
			return action.Deps{MaxTargets: 1, Workers: 1, Log: logger, Now: time.Now, Guardrails: action.NewGuardrails(nil, guardrail.NewCounter(&guardrail.Memory{}, time.Now))}, nil
		},
	}, &log
}

// post runs the action and returns the reply.
func post(t *testing.T, g action.Group, open Open) (*httptest.ResponseRecorder, Reply) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/do-something", nil)
	Handler(g, []action.Group{g}, open).ServeHTTP(w, r)
	var reply Reply
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return w, reply
}

func keep(s Setup) Open { return func(context.Context) (Setup, error) { return s, nil } }

func TestPanic_Is500WithoutItsText(t *testing.T) {
	t.Parallel()
	boom := func() { panic("surprise") }
	g, setup, log := served(t, func(context.Context, *action.Execution) (*action.Result, error) { boom(); return nil, nil })
	inCaller, inDeps := setup, setup
	inCaller.Caller = callerFunc(func(*http.Request) error { boom(); return nil })
	inDeps.Deps = func(context.Context) (action.Deps, error) { boom(); return action.Deps{}, nil }
	for name, open := range map[string]Open{
		"the action":       keep(setup),
		"the caller check": keep(inCaller),
		"building":         keep(inDeps),
		"the settings":     func(context.Context) (Setup, error) { boom(); return Setup{}, nil },
	} {
		w, reply := post(t, g, open)
		if w.Code != 500 || reply.Error == nil || reply.Error.Code != "internal" || reply.Action != "Do Something" || reply.InvocationID == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "surprise") || strings.Contains(w.Body.String(), "goroutine") {
			t.Errorf("%s: the panic is in the reply: %s", name, w.Body)
		}
	}
	if !strings.Contains(log.String(), "surprise") || !strings.Contains(log.String(), "http_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
}

func TestError_TextOfOtherErrorsIsInTheLogOnly(t *testing.T) {
	t.Parallel()
	g, setup, log := served(t, func(context.Context, *action.Execution) (*action.Result, error) { return nil, errors.New("surprise") })
	w, _ := post(t, g, keep(setup))
	if w.Code != 500 || strings.Contains(w.Body.String(), "surprise") || !strings.Contains(log.String(), "surprise") {
		t.Errorf("%d %s, log %s", w.Code, w.Body, log)
	}
}

func TestReply_ResultThatCannotBeEncodedIs500(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done.", JSON: json.RawMessage("{")}, nil
	})
	if w, reply := post(t, g, keep(setup)); w.Code != 500 || reply.Status != action.StatusFailure {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAuthentication_RefusedCallersGetOnlyTheError(t *testing.T) {
	t.Parallel()
	for kind, status := range map[apierr.Kind]int{apierr.Unauthenticated: 401, apierr.Forbidden: 403} {
		g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
			t.Error("the action ran")
			return &action.Result{}, nil
		})
		setup.Caller = callerFunc(func(*http.Request) error { return apierr.New(kind, "no", "not you", nil) })
		setup.Deps = func(context.Context) (action.Deps, error) {
			t.Error("secrets were read")
			return action.Deps{}, nil
		}
		h := Handler(g, []action.Group{g}, keep(setup))
		for _, path := range []string{"/", "/do-something", "/actions", "/openapi.json", "/nothing"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
				if w.Code != status || strings.Contains(w.Body.String(), "OktaThings") {
					t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
				}
			}
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", nil)); w.Code != 200 {
			t.Errorf("health: %d", w.Code)
		}
	}
}

// TestAuthentication_WithoutAnAuthenticatorRefuses: a Setup that lacks one serves no caller.
func TestAuthentication_WithoutAnAuthenticatorRefuses(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, doNothing(t))
	setup.Caller = nil
	for _, path := range []string{"/do-something", "/pubsub", "/actions"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
		Handler(g, []action.Group{g}, keep(setup)).ServeHTTP(w, r)
		if w.Code != 500 || !strings.Contains(w.Body.String(), `"misconfigured"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestRun_ContinuesAfterTheClientDisconnects(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(ctx context.Context, _ *action.Execution) (*action.Result, error) {
		if _, has := ctx.Deadline(); ctx.Err() != nil || !has {
			t.Errorf("the work's context: %v, deadline %v", ctx.Err(), has)
		}
		return &action.Result{Message: "Done."}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	Handler(g, nil, keep(setup)).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/do-something", nil))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAudit_RecordOfARun(t *testing.T) {
	t.Parallel()
	g, setup, log := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done.", JSON: map[string]any{"link": "canary"}}, nil
	})
	_, reply := post(t, g, keep(setup))
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", log, err)
	}
	record, _ := line["audit"].(map[string]any)
	for name, want := range map[string]any{
		"kind": "invocation", "number": 1.0, "revision": "r-1", "version": buildinfo.Release(), "invocation_id": reply.InvocationID, "function": "OktaThings", "action": "Do Something",
		"status": "success", "http_status": 200.0, "caller_auth": "", "dry_run": false,
	} {
		if record[name] != want {
			t.Errorf("%s is %v, want %v, in %s", name, record[name], want, log)
		}
	}
	if targets, ok := record["targets"].([]any); !ok || len(targets) > 0 {
		t.Errorf("targets is %v in %s", record["targets"], log)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the result is in the log: %s", log)
	}
}

func TestMount_ServesEachGroupUnderItsName(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done."}, nil
	})
	mux := Mount([]action.Group{g}, func(action.Group) Open { return keep(setup) })
	for path, want := range map[string]int{"/things/do-something": 200, "/things/do-something/": 200, "/things": 400, "/things/": 400, "/do-something": 404, "/": 404} {
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestInFlight_RefusesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		begun <- struct{}{}
		<-end
		return &action.Result{Message: "Done."}, nil
	})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if w, _ := post(t, g, keep(setup)); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
		<-begun
	}
	w, reply := post(t, g, keep(setup))
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || reply.Error.Code != "overloaded" {
		t.Errorf("the third: %d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	Handler(g, nil, keep(setup)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/actions", nil))
	if w.Code != 200 {
		t.Errorf("the catalog: %d", w.Code)
	}

	drained := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := setup.InFlight.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("two are in flight, and closing says %v", err)
	}
	if w, reply := post(t, g, keep(setup)); w.Code != 503 || w.Header().Get("Retry-After") == "" || reply.Error.Code != "shutting_down" {
		t.Errorf("after closing: %d %s", w.Code, w.Body)
	}
	go func() { drained <- setup.InFlight.Close(t.Context()) }()
	close(end)
	all.Wait()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestHeaders_ForbidBrowsersAndCaches(t *testing.T) {
	t.Parallel()
	g, setup, _ := served(t, func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done."}, nil
	})
	for _, path := range []string{"/health", "/actions", "/do-something", "/nothing"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
			r.Header.Set("Origin", "https://evil.test")
			r.Header.Set("Access-Control-Request-Method", "POST")
			w := httptest.NewRecorder()
			Handler(g, nil, keep(setup)).ServeHTTP(w, r)
			for name := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Content-Type": "application/json"} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
		}
	}
}

// TestSyntaxError_ExcerptIsInTheReplyOnly: a body that may contain a secret is not quoted at all.
func TestSyntaxError_ExcerptIsInTheReplyOnly(t *testing.T) {
	t.Parallel()
	run := func(context.Context, *action.Execution) (*action.Result, error) {
		t.Error("the action ran")
		return nil, nil
	}
	g, setup, log := served(t, run)
	g.Actions = append(g.Actions, action.Define(action.Spec{Name: "Set Password", Summary: "Sets."}, func(context.Context, *action.Execution, struct {
		Secret secrets.Value `param:"New Password" alias:"Geheim" secret:"true" help:"A secret."`
	}) (*action.Result, error) {
		return nil, nil
	}))
	var results, dead topic
	setup.Push, setup.Results, setup.DeadLetters = setup.Caller, &results, &dead
	for _, c := range []struct {
		path, body string
		shown      bool
	}{
		{"/do-something", `{"context": {"a": "x"canary"}}`, true},
		{"/", `{"action": "Do Something", "context": {"a": "x"canary"}}`, true},
		{"/", `{"action": "Do Something", "parameters": {"NEW_pass-word": "x"canary"}}`, false},
		{"/", `{"parameters": {"GE HEIM": "x"canary"}}`, false},
		{"/", `{"parameters": {"\u0047eheim": "x"canary"}}`, false},
		{"/", `{"parameters": {"API Tokens": "x"canary"}}`, false},
		{"/set-password", `{"context": {"a": "x"canary"}}`, false},
		{"/pubsub", delivery("m1", `{"context": {"a": "x"canary"}}`), false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		Handler(g, []action.Group{g}, keep(setup)).ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), "is not JSON at line 1, column ") || strings.Contains(w.Body.String(), "canary") != c.shown {
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
		}
	}
	for _, record := range []string{log.String(), fmt.Sprint(results.messages), fmt.Sprint(dead.messages)} {
		if record == "" || record == "[]" || strings.Contains(record, "canary") {
			t.Errorf("record: %s", record)
		}
	}
}
