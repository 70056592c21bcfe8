package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/internal/logging"
)

// line logs one entry and returns it decoded.
func line(t *testing.T, ctx context.Context, env map[string]string, level slog.Level, args ...any) map[string]any {
	t.Helper()
	var out bytes.Buffer
	logging.New(&out, func(name string) string { return env[name] }).Log(ctx, level, "it happened", args...)
	var entry map[string]any
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%s: %v", out.String(), err)
	}
	return entry
}

func TestLogging_WritesCloudLoggingEntries(t *testing.T) {
	t.Parallel()
	for level, severity := range map[slog.Level]string{slog.LevelInfo: "INFO", slog.LevelWarn: "WARNING",
		slog.LevelError: "ERROR", slog.LevelInfo + 1: "INFO"} {
		entry := line(t, t.Context(), nil, level, "labels", map[string]string{"log_type": "audit"}, "n", 7,
			slog.Group("inner", "level", "x", "labels", "y"))
		source, _ := entry["logging.googleapis.com/sourceLocation"].(map[string]any)
		labels, _ := entry["logging.googleapis.com/labels"].(map[string]any)
		inner, _ := entry["inner"].(map[string]any)
		if entry["severity"] != severity || entry["message"] != "it happened" || entry["time"] == nil || entry["n"] != 7.0 ||
			labels["log_type"] != "audit" || inner["level"] != "x" || inner["labels"] != "y" {
			t.Errorf("%v", entry)
		}
		if file, _ := source["file"].(string); file != "internal/logging/logging_test.go" || source["line"] == "" ||
			!strings.HasSuffix(source["function"].(string), ".line") {
			t.Errorf("source %v", source)
		}
		if _, reported := entry["@type"]; reported != (level >= slog.LevelError) {
			t.Errorf("%s: reported %v", severity, reported)
		}
	}
}

func TestLogging_EntriesStayUnder200KiB(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"ASCII": "a", "control characters": "\x01", "invalid UTF-8": "\xff", "four-byte characters": "\U0001f512",
		"quotes": `"\`, "line separators": "\u2028",
	} {
		long := strings.Repeat(text, 1<<20/len(text))
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			var out bytes.Buffer
			logging.New(&out, func(string) string { return "" }).With("invocation_id", long).LogAttrs(t.Context(), level, long,
				slog.String("stack_trace", long), slog.String("a", long), slog.Any("error", errors.New(long)), slog.Group("g",
					slog.String("b", long)),
				slog.String("c", long), slog.Any("d", fmt.Errorf("read: %w", errors.New(long))))
			var entry map[string]any
			if err := json.Unmarshal(out.Bytes(), &entry); err != nil || out.Len() > 200<<10 || out.Len() < 100<<10 {
				t.Errorf("%s: %d bytes, %v", name, out.Len(), err)
			}
			for _, key := range []string{"message", "invocation_id", "stack_trace", "a", "error", "c", "d"} {
				if s, _ := entry[key].(string); !strings.Contains(s, "… (cut: 10") {
					t.Errorf("%s: %s does not say that it is cut", name, key)
				}
			}
		}
	}
}

func TestCut_KeepsShortTextsAndWholeCharacters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{strings.Repeat("a", 100), strings.Repeat("a", 100)},
		{strings.Repeat("\n", 50), strings.Repeat("\n", 50)},
		{strings.Repeat("a", 101), strings.Repeat("a", 80) + "… (cut: 101 bytes)"},
		{strings.Repeat("\n", 51), strings.Repeat("\n", 40) + "… (cut: 51 bytes)"},
		{strings.Repeat("\x00", 17), strings.Repeat("\x00", 13) + "… (cut: 17 bytes)"},
		{strings.Repeat("\U0001f512", 26), strings.Repeat("\U0001f512", 20) + "… (cut: 104 bytes)"},
	} {
		got := logging.Cut(c.text, 100)
		encoded, err := json.Marshal(got)
		if got != c.want || err != nil || len(encoded) > 102 || logging.EncodedSize(got) != len(encoded)-2 {
			t.Errorf("%q: %q, %d bytes", c.text, got, len(encoded))
		}
	}
}

func TestLogging_ErrorsCarryTheirServiceForErrorReporting(t *testing.T) {
	t.Parallel()
	entry := line(t, t.Context(), map[string]string{"K_SERVICE": "okta-users", "K_REVISION": "okta-users-00007"},
		slog.LevelError)
	service, _ := entry["serviceContext"].(map[string]any)
	if !strings.HasSuffix(entry["@type"].(string), "ReportedErrorEvent") || service["service"] != "okta-users" ||
		service["version"] != "okta-users-00007" {
		t.Errorf("%v", entry)
	}
}

func TestLogging_EntriesCarryTheTraceOfTheRequest(t *testing.T) {
	t.Parallel()
	const id = "0af7651916cd43dd8448eb211c80319c"
	project := map[string]string{"GOOGLE_CLOUD_PROJECT": "acme"}
	for name, c := range map[string]struct {
		header      map[string]string
		env         map[string]string
		trace, span any
	}{
		"traceparent": {map[string]string{"Traceparent": "00-" + id + "-b7ad6b7169203331-01"}, project,
			"projects/acme/traces/" + id, "b7ad6b7169203331"},
		"Google's header": {map[string]string{"X-Cloud-Trace-Context": id + "/1;o=1"}, project,
			"projects/acme/traces/" + id, "0000000000000001"},
		"Google's header without end": {map[string]string{"X-Cloud-Trace-Context": id}, project, "projects/acme/traces/" + id,
			nil},
		"both": {map[string]string{"X-Cloud-Trace-Context": strings.Repeat("1", 32), "Traceparent": "00-" + id +
			"-b7ad6b7169203331-01"},
			project, "projects/acme/traces/" + id, "b7ad6b7169203331"},
		"no project": {map[string]string{"Traceparent": "00-" + id + "-b7ad6b7169203331-01"}, nil, id, "b7ad6b7169203331"},
		"none":       {nil, project, nil, nil},
		"nonsense":   {map[string]string{"Traceparent": "00-../../x", "X-Cloud-Trace-Context": "x\"y"}, project, nil, nil},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		entry := line(t, logging.WithTrace(t.Context(), h), c.env, slog.LevelInfo)
		if entry["logging.googleapis.com/trace"] != c.trace || entry["logging.googleapis.com/spanId"] != c.span {
			t.Errorf("%s: %v", name, entry)
		}
	}
}
