package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
)

// runHeader is a header by which the console recognizes the events that its request causes.
const runHeader = "Console-Run"

var runName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// run is a request to the functions.
type run struct{ id, action string }

type runKey struct{}

func runOf(ctx context.Context) run {
	r, _ := ctx.Value(runKey{}).(run)
	return r
}

// Runs serves the functions and marks each request, so that the events that it causes name it.
func (f *Feed) Runs(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		current := run{action: r.URL.Path}
		if _, a, ok := action.Find(handlers.Groups, path.Base(r.URL.Path)); ok {
			current.action = a.Name
		}
		if current.id = r.Header.Get(runHeader); !runName.MatchString(current.id) {
			f.mu.Lock()
			f.runs++
			current.id = strconv.Itoa(f.runs)
			f.mu.Unlock()
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), runKey{}, current)))
	})
}

// Transport returns a transport to Okta that passes the requests on. They have their paths and no credentials.
func (f *Feed) Transport(base http.RoundTripper) http.RoundTripper { return watchedTransport{f, base} }

type watchedTransport struct {
	feed *Feed
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t watchedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := time.Now()
	res, err := t.base.RoundTrip(r)
	c := &call{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Millis: time.Since(begun).Milliseconds(),
	}
	if err == nil {
		c.Status = res.StatusCode
	}
	current := runOf(r.Context())
	t.feed.add(event{Kind: kindCall, Time: begun, Run: current.id, Action: current.action, Call: c})
	return res, err
}

// Records returns a handler of log records that passes the audit records on, besides what next does.
func (f *Feed) Records(next slog.Handler) slog.Handler { return watchedLog{next, f} }

type watchedLog struct {
	slog.Handler
	feed *Feed
}

// Handle implements slog.Handler.
func (l watchedLog) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "audit" {
			return true
		}
		if text, err := json.Marshal(a.Value.Any()); err == nil {
			current := runOf(ctx)
			l.feed.add(event{Kind: kindAudit, Time: r.Time, Run: current.id, Action: current.action, Audit: shortened(text)})
		}
		return false
	})
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l watchedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return watchedLog{l.Handler.WithAttrs(attrs), l.feed}
}

// WithGroup implements slog.Handler.
func (l watchedLog) WithGroup(name string) slog.Handler {
	return watchedLog{l.Handler.WithGroup(name), l.feed}
}

// shortRecord has the members of an audit record that the pages show.
type shortRecord struct {
	Kind         string        `json:"kind"`
	InvocationID string        `json:"invocation_id"`
	Action       string        `json:"action"`
	Status       string        `json:"status,omitempty"`
	HTTPStatus   int           `json:"http_status,omitempty"`
	ErrorCode    string        `json:"error_code,omitempty"`
	DryRun       bool          `json:"dry_run"`
	Targets      []shortTarget `json:"targets,omitempty"`
	Left         int           `json:"targets_left_out"`
}

type shortTarget struct {
	Input     string `json:"input"`
	Login     string `json:"login,omitempty"`
	UserID    string `json:"user_id,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
	ErrorCode string `json:"error_code,omitempty"`
}

// shortened returns an audit record, or some members of it if it is long.
func shortened(record json.RawMessage) json.RawMessage {
	const most = 20
	if len(record) <= maxRecord {
		return record
	}
	var r shortRecord
	_ = json.Unmarshal(record, &r) // it is a record of this process
	if n := len(r.Targets); n > most {
		r.Targets, r.Left = r.Targets[:most], n-most
	}
	text, err := json.Marshal(r)
	if err != nil || len(text) > maxRecord {
		r.Targets, r.Left = nil, r.Left+len(r.Targets)
		text, _ = json.Marshal(r)
	}
	return text
}
