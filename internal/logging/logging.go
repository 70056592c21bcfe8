// Package logging writes log entries in the JSON format of Cloud Logging, with severity, trace,
// source location and labels: https://cloud.google.com/logging/docs/structured-logging
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

// New returns a logger that writes to w. The attribute "labels" sets the labels of the entry. Error
// Reporting receives every entry with severity ERROR, so use that level only for defects and wrong
// deployments. The logger reads GOOGLE_CLOUD_PROJECT, K_SERVICE and K_REVISION for each entry.
func New(w io.Writer, getenv func(string) string) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true, ReplaceAttr: rename})
	return slog.New(handler{h, getenv})
}

type handler struct {
	slog.Handler
	getenv func(string) string
}

// reportedError is the @type with which Error Reporting accepts an entry without a stack trace.
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

func rename(groups []string, a slog.Attr) slog.Attr {
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
	case "stack_trace":
		return slog.String(a.Key, strings.ReplaceAll(a.Value.String(), root, ""))
	case "labels":
		a.Key = "logging.googleapis.com/labels"
	}
	return a
}

// root is the path of the module in the file names that the compiler recorded.
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

// WithTrace returns a context whose log entries belong to the trace of a request, from its header
// traceparent (W3C Trace Context) or else X-Cloud-Trace-Context.
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
