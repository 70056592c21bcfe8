// Package logging writes structured logs for Cloud Logging: one JSON object per line, with
// severity, trace and labels.
// https://cloud.google.com/logging/docs/structured-logging
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// The maximum sizes of the texts of an entry, in bytes of JSON. Cloud Logging drops an entry above
// 256 KiB: a message and seven attributes, one of them a stack trace, stay below 200 KiB. A
// structured attribute is not cut.
// https://cloud.google.com/logging/quotas#log-limits
const (
	maxText  = 16 << 10
	maxStack = 64 << 10
)

// New returns a logger that writes to w. An attribute "labels" becomes the entry's labels. Long
// texts are cut. Errors are defects or misconfigurations, and are sent to Error Reporting. The
// settings are read when an entry needs them.
func New(w io.Writer, getenv func(string) string) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true, ReplaceAttr: rename})
	return slog.New(handler{h, getenv})
}

type handler struct {
	slog.Handler
	getenv func(string) string
}

// reportedError is the @type by which Error Reporting accepts an entry without a stack trace.
const reportedError = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if t, ok := ctx.Value(traceKey{}).(trace); ok {
		name := t.id
		if project := h.getenv("GOOGLE_CLOUD_PROJECT"); project != "" {
			name = "projects/" + project + "/traces/" + t.id
		}
		r.AddAttrs(slog.String("logging.googleapis.com/trace", name))
		if t.span != "" {
			r.AddAttrs(slog.String("logging.googleapis.com/spanId", t.span))
		}
	}
	if r.Level >= slog.LevelError {
		r.AddAttrs(slog.String("@type", reportedError), slog.Any("serviceContext", map[string]string{
			"service": h.getenv("K_SERVICE"), "version": h.getenv("K_REVISION"),
		}))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.getenv}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.getenv}
}

// rename gives attributes the names that Cloud Logging reads, and cuts their texts.
func rename(groups []string, a slog.Attr) slog.Attr {
	if a.Key == "stack_trace" && len(groups) == 0 {
		return slog.String(a.Key, Cut(strings.ReplaceAll(a.Value.String(), root, ""), maxStack))
	}
	a.Value = cutValue(a.Value)
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String("severity", severity(level))
	case slog.MessageKey:
		a.Key = "message"
	case slog.SourceKey:
		if s, ok := a.Value.Any().(*slog.Source); ok {
			return slog.Any("logging.googleapis.com/sourceLocation", map[string]string{
				"file": relative(s.File), "line": strconv.Itoa(s.Line), "function": s.Function,
			})
		}
	case "labels":
		a.Key = "logging.googleapis.com/labels"
	}
	return a
}

// cutValue cuts a string or the text of an error.
func cutValue(v slog.Value) slog.Value {
	if v.Kind() == slog.KindString {
		return slog.StringValue(Cut(v.String(), maxText))
	}
	if err, ok := v.Any().(error); ok && v.Kind() == slog.KindAny {
		return slog.StringValue(Cut(err.Error(), maxText))
	}
	return v
}

// root is the path of the module in the compiled names of source files.
var root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/logging/logging.go")
}()

// relative returns the name of a source file relative to the module, or to the module cache.
func relative(file string) string {
	if _, cached, ok := strings.Cut(file, "/pkg/mod/"); ok {
		return cached
	}
	return strings.TrimPrefix(file, root)
}

func severity(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	default:
		return "ERROR"
	}
}

type traceKey struct{}

type trace struct{ id, span string }

var (
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)
	cloudTrace  = regexp.MustCompile(`^([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;|$)`)
)

// WithTrace returns a context whose entries have the trace of a request's headers: traceparent (W3C
// Trace Context), else X-Cloud-Trace-Context.
func WithTrace(ctx context.Context, h http.Header) context.Context {
	if m := traceparent.FindStringSubmatch(h.Get("Traceparent")); m != nil {
		return context.WithValue(ctx, traceKey{}, trace{m[1], m[2]})
	}
	if m := cloudTrace.FindStringSubmatch(h.Get("X-Cloud-Trace-Context")); m != nil {
		t := trace{id: m[1]}
		if span, err := strconv.ParseUint(m[2], 10, 64); err == nil {
			t.span = fmt.Sprintf("%016x", span)
		}
		return context.WithValue(ctx, traceKey{}, t)
	}
	return ctx
}
