package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/audit"
)

// meaning is the effect of an error on the caller, Pub/Sub and the log. The kinds are listed here
// again, so that a wrong row of the table in package apierr fails.
type meaning struct {
	status    int // of the reply if no target was reached
	outcome   action.Outcome
	retryable bool
	nack      int    // the status that asks Pub/Sub to deliver the message again; 0: it is acknowledged
	level     string // of the error in the log; "": it is not logged
}

var wantMeanings = map[apierr.Kind]meaning{
	apierr.Internal:         {500, action.Failed, false, 500, "ERROR"},
	apierr.BadRequest:       {400, action.Failed, false, 0, ""},
	apierr.Unauthenticated:  {401, action.Failed, false, 0, "WARN"},
	apierr.Forbidden:        {403, action.Failed, false, 0, "WARN"},
	apierr.UnknownAction:    {404, action.Failed, false, 0, ""},
	apierr.MethodNotAllowed: {405, action.Failed, false, 0, ""},
	apierr.TooLarge:         {413, action.Failed, false, 0, ""},
	apierr.UnsupportedMedia: {415, action.Failed, false, 0, ""},
	apierr.Conflict:         {409, action.Failed, true, 503, "WARN"},
	apierr.Overloaded:       {429, action.Failed, true, 503, "WARN"},
	apierr.Misconfigured:    {500, action.Failed, false, 500, "ERROR"},
	apierr.NotConfigured:    {501, action.Failed, false, 0, "WARN"},
	apierr.NotFound:         {422, action.NotFound, false, 0, ""},
	apierr.WrongState:       {422, action.WrongState, false, 0, ""},
	apierr.Refused:          {422, action.Refused, false, 0, ""},
	apierr.Rejected:         {422, action.Failed, false, 0, ""},
	apierr.Unavailable:      {503, action.Failed, true, 503, "WARN"},
	apierr.Deadline:         {504, action.Failed, true, 504, "WARN"},
	apierr.Credentials:      {502, action.Failed, false, 502, "WARN"},
	apierr.NoPermission:     {502, action.Failed, false, 0, "WARN"},
	apierr.InvalidResponse:  {502, action.Failed, false, 502, "WARN"},
	apierr.UnknownResult:    {502, action.Failed, false, 0, "WARN"},

	apierr.LimitReached:         {429, action.Refused, true, 503, "WARN"},
	apierr.GuardrailUnavailable: {503, action.Refused, true, 503, "WARN"},
}

// TestKinds_MeanTheSameOverHTTPAndPubSub fails a target, and a run as a whole, with each kind of
// error.
func TestKinds_MeanTheSameOverHTTPAndPubSub(t *testing.T) {
	t.Parallel()
	for _, kind := range apierr.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			want, ok := wantMeanings[kind]
			if !ok {
				t.Fatal("the kind is not listed in wantMeanings")
			}
			failure := apierr.New(kind, "the_code", "it failed", nil)
			ofTarget := func(ctx context.Context, c *action.Execution) (*action.Result, error) {
				return c.Each(ctx, []string{"x"}, action.Words{Noun: "thing"}, func(context.Context, string) (action.Plan, error) {
					return action.Plan{}, failure
				})
			}
			ofRun := func(context.Context, *action.Execution) (*action.Result, error) { return nil, failure }

			call := failWith(t, ofTarget, "/do-something", "")
			call.want(t, "a target", want.status, want.level)
			if targets := call.reply.Targets; len(targets) != 1 || targets[0].Outcome != want.outcome ||
				targets[0].Error.Retryable != want.retryable || targets[0].Error.Code != "the_code" {
				t.Errorf("the target: %s", call.body)
			}
			failWith(t, ofRun, "/do-something", "").want(t, "a run", want.status, want.level)

			status, letters := http.StatusOK, 1
			if want.nack != 0 {
				status, letters = want.nack, 0
			}
			for name, run := range map[string]runFunc{"a target of a message": ofTarget, "the run of a message": ofRun} {
				push := failWith(t, run, "/pubsub", delivery("m1", `{"action": "do-something"}`))
				push.want(t, name, status, want.level)
				if push.letters != letters || push.results != 1 {
					t.Errorf("%s: %d dead letters, want %d; %d results", name, push.letters, letters, push.results)
				}
			}
		})
	}
	if len(wantMeanings) != len(apierr.Kinds()) {
		t.Errorf("%d kinds are listed in wantMeanings, there are %d", len(wantMeanings), len(apierr.Kinds()))
	}
}

type runFunc = func(context.Context, *action.Execution) (*action.Result, error)

// failed is the end of a request that failed.
type failed struct {
	status           int
	body             []byte
	reply            Reply
	letters, results int
	levels           []string // of the log lines about the error
}

// failWith sends a request to an action that fails.
func failWith(t *testing.T, run runFunc, path, body string) failed {
	t.Helper()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	g, setup, results, dead := automated(run)
	setup.Caller, setup.Log = setup.Push, logger
	setup.Audit = audit.New(func() *slog.Logger { return slog.New(slog.DiscardHandler) }, "", false)
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	Handler(g, []action.Group{g}, keep(setup)).ServeHTTP(w, r)
	f := failed{status: w.Code, body: w.Body.Bytes(), letters: len(dead.messages), results: len(results.messages)}
	if err := json.Unmarshal(f.body, &f.reply); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log.Bytes()) {
		var l struct {
			Level string
			Code  string `json:"error_code"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Code == "the_code" {
			f.levels = append(f.levels, l.Level)
		}
	}
	return f
}

// want compares the status and the severity of the only log line about the error.
func (f failed) want(t *testing.T, name string, status int, level string) {
	t.Helper()
	logged := ""
	if len(f.levels) > 0 {
		logged = f.levels[0]
	}
	if f.status != status || f.reply.Status != action.StatusFailure || logged != level || len(f.levels) > 1 {
		t.Errorf("%s: status %d, want %d; logged %v, want %q: %s", name, f.status, status, f.levels, level, f.body)
	}
}
