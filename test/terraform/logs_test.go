package terraform_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// logFilter is a filter in the part of the Logging query language that terraform/ uses: comparisons,
// one on each line, which must all hold.
// https://docs.cloud.google.com/logging/docs/view/logging-query-language
type logFilter []logComparison

type logComparison struct {
	negated          bool
	field, op, value string
}

var (
	logLine = regexp.MustCompile(`^(NOT )?([a-zA-Z][\w.]*)(=~|>=|=|>)("[^"\\]*"|\w+)$`)

	// severities are the severities of Cloud Logging, in their order.
	severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}
)

// parseLogFilter fails the test for a filter that it cannot read.
func parseLogFilter(t *testing.T, text string) logFilter {
	t.Helper()
	var filter logFilter
	for line := range strings.Lines(text) {
		m := logLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			t.Fatalf("this test cannot read the line %q of a filter", line)
		}
		filter = append(filter, logComparison{m[1] != "", m[2], m[3], strings.Trim(m[4], `"`)})
	}
	return filter
}

func (f logFilter) matches(entry map[string]any) bool {
	return !slices.ContainsFunc(f, func(c logComparison) bool { return c.holds(entry) == c.negated })
}

// holds compares a field. A field that the entry does not have makes every comparison false, and one
// with several values holds if one of them does.
func (c logComparison) holds(entry map[string]any) bool {
	return slices.ContainsFunc(fieldOf(entry, c.field), func(value any) bool {
		text := fmt.Sprint(value)
		if c.field == "severity" {
			return c.op == ">=" && slices.Index(severities, text) >= slices.Index(severities, c.value)
		}
		number, notNumber := strconv.ParseFloat(text, 64)
		limit, noLimit := strconv.ParseFloat(c.value, 64)
		isNumber := notNumber == nil && noLimit == nil
		switch c.op {
		case "=~":
			return regexp.MustCompile(c.value).MatchString(text)
		case "=":
			return text == c.value
		case ">":
			return isNumber && number > limit
		default:
			return isNumber && number >= limit
		}
	})
}

// fieldOf returns the values of a field: those of all elements if the path has a list.
func fieldOf(value any, path string) []any {
	if list, is := value.([]any); is {
		var all []any
		for _, element := range list {
			all = append(all, fieldOf(element, path)...)
		}
		return all
	}
	if path == "" {
		return []any{value}
	}
	name, rest, _ := strings.Cut(path, ".")
	members, _ := value.(map[string]any)
	member, has := members[name]
	if !has {
		return nil
	}
	return fieldOf(member, rest)
}

func TestLogFilter_ComparesLikeCloudLogging(t *testing.T) {
	t.Parallel()
	entry := map[string]any{
		"severity": "WARNING", "labels": map[string]any{"log_type": "audit"},
		"jsonPayload": map[string]any{"count": 2.0, "ok": false, "list": []any{
			map[string]any{"code": "guardrail_freeze"}, map[string]any{"code": "other"}, map[string]any{},
		}},
	}
	for text, want := range map[string]bool{
		"severity>=INFO": true, "severity>=WARNING": true, "severity>=ERROR": false,
		`labels.log_type="audit"`: true, `labels.log_type="aud"`: false, `labels.other="audit"`: false,
		"jsonPayload.ok=false": true, "jsonPayload.ok=true": false, "jsonPayload.count>1": true, "jsonPayload.count>2": false,
		"jsonPayload.count>=2": true, "NOT jsonPayload.count>1": false, "NOT jsonPayload.absent>1": true, "jsonPayload.absent>=0": false,
		`jsonPayload.list.code=~"^guardrail_"`: true, `jsonPayload.list.code=~"^freeze"`: false,
		"severity>=INFO\njsonPayload.count>2": false, "severity>=INFO\nNOT jsonPayload.count>2": true,
	} {
		if got := parseLogFilter(t, text).matches(entry); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// entriesOf returns the log of the product as Cloud Logging stores that of a function.
// https://docs.cloud.google.com/logging/docs/structured-logging#special-payload-fields
func entriesOf(t *testing.T, w *testkit.World, service string) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for line := range strings.Lines(w.Log()) {
		var payload map[string]any
		if err := json.Unmarshal([]byte(line), &payload); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		entry := map[string]any{
			"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{"service_name": service}},
			"severity": payload["severity"], "labels": payload["logging.googleapis.com/labels"], "jsonPayload": payload,
		}
		maps.DeleteFunc(payload, func(name string, _ any) bool {
			return name == "severity" || name == "time" || strings.HasPrefix(name, "logging.googleapis.com/")
		})
		entries = append(entries, entry)
	}
	return entries
}

// heldTopic takes the batches of a job, which the test delivers.
const heldTopic = "projects/local/topics/held"

// occurrences make the product write the entries that the log-based metrics count.
var occurrences = map[string]struct {
	env map[string]string
	run func(t *testing.T, w *testkit.World)
	// want has the metrics that count an entry of it, without the prefix of the deployment.
	want []string
}{
	"read": {nil, getAlice, []string{"okta-remaining"}},
	"call to Okta that is limited": {nil, func(t *testing.T, w *testkit.World) {
		w.Okta.AddFault(emulator.Fault{Path: "/api/v1/users/alice", Status: http.StatusTooManyRequests, Times: 1})
		getAlice(t, w)
	}, []string{"okta-rate-limited", "okta-remaining"}},
	"refused token": {map[string]string{"OKTA_API_TOKEN_SECRET": "wrong-token"}, func(t *testing.T, w *testkit.World) {
		if r := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs": "alice"})); r.HTTP != http.StatusBadGateway {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}, []string{"credential-failures", "okta-remaining"}},
	"refused change": {map[string]string{"GUARDRAILS": `{"freeze": "test"}`}, func(t *testing.T, w *testkit.World) {
		r := w.Run("users/disable-user", testkit.Params(map[string]any{"User IDs": "alice"}))
		if fmt.Sprint(r.Outcomes()) != "[refused]" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}, []string{"guardrail-refusals", "okta-remaining"}},
	"containment of a user who is not found": {nil, func(t *testing.T, w *testkit.World) {
		r := w.Run("containment/contain-user", testkit.Params(map[string]any{"User IDs": "zed"}))
		if r.Get("status") != "failure" {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}, []string{"containment-failures", "okta-remaining"}},
	"job": {map[string]string{"JOBS_TOPIC": heldTopic}, runJob, []string{"jobs", "okta-remaining"}},
}

func getAlice(t *testing.T, w *testkit.World) {
	t.Helper()
	if r := w.Run("users/get-user", testkit.Params(map[string]any{"User IDs": "alice"})); r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}

func runJob(t *testing.T, w *testkit.World) {
	t.Helper()
	if err := w.Broker.CreateTopic(heldTopic); err != nil {
		t.Fatal(err)
	}
	const body = `{"parameters": {"User IDs": "alice, zed", "Is Deactivate": false}}`
	r := w.Do(http.MethodPost, "users/disable-user", body, http.Header{"Prefer": {"respond-async"}})
	batches := w.Published(heldTopic)
	if r.HTTP != http.StatusAccepted || len(batches) != 1 {
		t.Fatalf("%d batches: %s", len(batches), r.Body)
	}
	w.Push("users", testkit.Message{ID: batches[0].ID, Attributes: batches[0].Attributes, Data: string(batches[0].Data)})
}

// extractor reads a field of an entry into a label or a value of a metric.
var extractor = regexp.MustCompile(`^EXTRACT\(([\w.]+)\)$`)

// counted returns the entries that a metric counts. Each must have its labels and its value.
func counted(t *testing.T, metric resource, entries []map[string]any) []map[string]any {
	t.Helper()
	filter := parseLogFilter(t, metric.text("filter"))
	matching := slices.DeleteFunc(slices.Clone(entries), func(e map[string]any) bool { return !filter.matches(e) })
	for _, entry := range matching {
		labels, _ := metric.Values["label_extractors"].(map[string]any)
		for name, from := range labels {
			if m := extractor.FindStringSubmatch(from.(string)); m == nil || len(fieldOf(entry, m[1])) != 1 {
				t.Errorf("%s: no entry has the label %s: %v", metric.Address, name, entry)
			}
		}
		if from := metric.text("value_extractor"); from != "" {
			values := fieldOf(entry, extractor.FindStringSubmatch(from)[1])
			if _, isNumber := append(values, nil)[0].(float64); len(values) != 1 || !isNumber {
				t.Errorf("%s: the value is %v", metric.Address, values)
			}
		}
	}
	return matching
}

// logMetrics returns the log-based metrics, by their names without the prefix of the deployment.
func logMetrics(all []resource) map[string]resource {
	metrics := map[string]resource{}
	for _, r := range all {
		if r.Type == "google_logging_metric" {
			metrics[strings.TrimPrefix(r.text("name"), "okta-emea-")] = r
		}
	}
	return metrics
}

// TestLogMetrics_CountTheEntriesOfTheFunctions runs the product and evaluates the filters of the
// metrics, of the sink and of the exclusion on its log.
func TestLogMetrics_CountTheEntriesOfTheFunctions(t *testing.T) {
	t.Parallel()
	all := applied(t, variables["full"]...)
	metrics := logMetrics(all)
	counts := map[string]bool{"pings": true} // TestPing_IsCountedForEachGroup
	for name, o := range occurrences {
		w := testkit.New(t, testkit.Options{Env: o.env, PubSub: true, CloudLogging: true})
		o.run(t, w)
		entries := entriesOf(t, w, "okta-emea-users")
		got := []string{}
		for _, metric := range slices.Sorted(maps.Keys(metrics)) {
			switch n := len(counted(t, metrics[metric], entries)); n {
			case 0:
				continue
			case 1:
			default:
				t.Errorf("%s: %s counts %d entries of one call", name, metric, n)
			}
			got, counts[metric] = append(got, metric), true
		}
		if diff := cmp.Diff(o.want, got); diff != "" {
			t.Errorf("%s (-want +counted):\n%s", name, diff)
		}
		if others := entriesOf(t, w, "okta-emea-users-2"); slices.ContainsFunc(slices.Collect(maps.Values(metrics)), func(m resource) bool {
			return len(counted(t, m, others)) > 0
		}) {
			t.Errorf("%s: a metric counts the entries of another service", name)
		}
		checkRouting(t, all, entries)
	}
	for name := range metrics {
		if !counts[name] {
			t.Errorf("no entry of the product is counted by %s", name)
		}
	}
}

// checkRouting fails the test unless the sink takes the audit records and no other entries, and the
// exclusion the same.
func checkRouting(t *testing.T, all []resource, entries []map[string]any) {
	t.Helper()
	routes := 0
	for _, r := range all {
		if r.Type != "google_logging_project_sink" && r.Type != "google_logging_project_exclusion" {
			continue
		}
		routes++
		filter := parseLogFilter(t, r.text("filter"))
		for _, entry := range entries {
			if isRecord := len(fieldOf(entry, "jsonPayload.audit.kind")) == 1; filter.matches(entry) != isRecord {
				t.Errorf("%s: %v for %v", r.Address, !isRecord, entry)
			}
		}
	}
	if routes != 2 {
		t.Errorf("%d sinks and exclusions", routes)
	}
}

// TestPing_IsCountedForEachGroup delivers the message of each job of Cloud Scheduler to the function
// of its group.
func TestPing_IsCountedForEachGroup(t *testing.T) {
	t.Parallel()
	all := applied(t, variables["full"]...)
	pings := logMetrics(all)["pings"]
	messages := map[string]string{} // by topic
	for _, r := range all {
		if r.Type != "google_cloud_scheduler_job" {
			continue
		}
		target := r.Values["pubsub_target"].([]any)[0].(map[string]any)
		data, err := base64.StdEncoding.DecodeString(target["data"].(string))
		if err != nil {
			t.Fatal(err)
		}
		messages[target["topic_name"].(string)] = string(data)
	}
	for _, g := range handlers.Groups {
		message, has := messages["projects/acme-security/topics/okta-emea-"+g.Name]
		if !has {
			t.Errorf("%s: no job of %v pings it", g.Name, messages)
			continue
		}
		for status, fault := range map[string]emulator.Fault{
			"success": {Path: "*", LatencyMS: 1}, "failure": {Path: "*", Status: http.StatusServiceUnavailable},
		} {
			w := testkit.New(t, testkit.Options{CloudLogging: true})
			w.Okta.AddFault(fault)
			w.Run(g.Name+"/ping", map[string]any{}) // of a person, which is not counted
			r := w.Push(g.Name, testkit.Message{ID: "1", Data: message})
			if acknowledged := r.HTTP == http.StatusOK; acknowledged != (status == "success") {
				t.Errorf("%s: %d %s", g.Name, r.HTTP, r.Body)
			}
			entries := counted(t, pings, entriesOf(t, w, "okta-emea-"+g.Name))
			if len(entries) != 1 || fmt.Sprint(fieldOf(entries[0], "jsonPayload.audit.status")) != "["+status+"]" {
				t.Errorf("%s: the metric counts %v, want one %s", g.Name, entries, status)
			}
		}
	}
	if len(messages) != len(handlers.Groups) {
		t.Errorf("%d groups are pinged: %v", len(messages), messages)
	}
}
