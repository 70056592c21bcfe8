package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
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

func TestLogger_WritesCloudLoggingEntries(t *testing.T) {
	t.Parallel()
	for level, severity := range map[slog.Level]string{
		slog.LevelInfo: "INFO", slog.LevelInfo + 1: "INFO", slog.LevelWarn: "WARNING", slog.LevelError: "ERROR",
	} {
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

func TestLogger_ReportsErrorsWithTheirService(t *testing.T) {
	t.Parallel()
	env := map[string]string{"K_SERVICE": "okta-users", "K_REVISION": "okta-users-00007"}
	entry := line(t, t.Context(), env, slog.LevelError)
	service, _ := entry["serviceContext"].(map[string]any)
	if !strings.HasSuffix(entry["@type"].(string), "ReportedErrorEvent") || service["service"] != "okta-users" ||
		service["version"] != "okta-users-00007" {
		t.Errorf("%v", entry)
	}
}

func TestWithTrace_SetsTraceOfEntry(t *testing.T) {
	t.Parallel()
	const id = "0af7651916cd43dd8448eb211c80319c"
	const parent, span = "00-" + id + "-b7ad6b7169203331-01", "b7ad6b7169203331"
	project, trace := map[string]string{"GOOGLE_CLOUD_PROJECT": "acme"}, "projects/acme/traces/"+id
	for name, c := range map[string]struct {
		header      map[string]string
		env         map[string]string
		trace, span any
	}{
		"traceparent": {map[string]string{"Traceparent": parent}, project, trace, span},
		"Google's header": {map[string]string{"X-Cloud-Trace-Context": id + "/1;o=1"}, project, trace,
			"0000000000000001"},
		"Google's header without end": {map[string]string{"X-Cloud-Trace-Context": id}, project, trace, nil},
		"both": {map[string]string{"X-Cloud-Trace-Context": strings.Repeat("1", 32), "Traceparent": parent},
			project, trace, span},
		"no project": {map[string]string{"Traceparent": parent}, nil, id, "b7ad6b7169203331"},
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
