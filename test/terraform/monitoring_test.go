package terraform_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/monitoring/dashboard/apiv1/dashboardpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
)

// metricType is the type of a metric.
type metricType struct {
	kind, value, resource string
	labels                []string // that terraform/ uses
}

// googleMetrics are the metrics of Google Cloud that terraform/ uses.
// https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-run
// https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub
var googleMetrics = map[string]metricType{
	"run.googleapis.com/request_count":     {"DELTA", "INT64", "cloud_run_revision", []string{"response_code_class"}},
	"run.googleapis.com/request_latencies": {"DELTA", "DISTRIBUTION", "cloud_run_revision", nil},

	"pubsub.googleapis.com/subscription/num_undelivered_messages":   {"GAUGE", "INT64", "pubsub_subscription", nil},
	"pubsub.googleapis.com/subscription/oldest_unacked_message_age": {"GAUGE", "INT64", "pubsub_subscription", nil},
}

// resourceLabels are the labels of the resources by which the series are grouped.
// https://docs.cloud.google.com/monitoring/api/resources
var resourceLabels = map[string]string{"cloud_run_revision": "service_name", "pubsub_subscription": "subscription_id"}

// aligners are the kinds and types of metrics that each aligner accepts.
// https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#aligner
var aligners = map[string][]string{
	"ALIGN_RATE":          {"DELTA INT64"},
	"ALIGN_DELTA":         {"DELTA INT64", "DELTA DISTRIBUTION"},
	"ALIGN_SUM":           {"DELTA INT64", "GAUGE INT64", "DELTA DISTRIBUTION"},
	"ALIGN_MAX":           {"DELTA INT64", "GAUGE INT64"},
	"ALIGN_PERCENTILE_95": {"DELTA DISTRIBUTION"},
	"ALIGN_PERCENTILE_50": {"DELTA DISTRIBUTION"},
	"ALIGN_PERCENTILE_05": {"DELTA DISTRIBUTION"},
}

// series is a query of an alert or of a chart.
type series struct {
	place, filter, aligner, reducer string
	by                              []string
}

var (
	usedMetric   = regexp.MustCompile(`metric\.type = "([^"]+)"`)
	usedResource = regexp.MustCompile(`resource\.type = "(\w+)"`)
	usedLabel    = regexp.MustCompile(`metric\.labels?\.(\w+)`)
)

// check fails the test unless the metric exists on the resource, has the labels that the query uses,
// and is of a type that the aligner accepts.
func (s series) check(t *testing.T, known map[string]metricType) {
	t.Helper()
	named, resource := usedMetric.FindAllStringSubmatch(s.filter, -1), usedResource.FindAllStringSubmatch(s.filter, -1)
	if len(named) != 1 || len(resource) != 1 {
		t.Errorf("%s: %s names %v on %v", s.place, s.filter, named, resource)
		return
	}
	metric, has := known[named[0][1]]
	if !has || metric.resource != resource[0][1] {
		t.Errorf("%s: %s has no metric %s", s.place, resource[0][1], named[0][1])
	}
	if !slices.Contains(aligners[s.aligner], metric.kind+" "+metric.value) {
		t.Errorf("%s: %s does not accept %s, which is %s %s", s.place, s.aligner, named[0][1], metric.kind, metric.value)
	}
	for _, m := range usedLabel.FindAllStringSubmatch(s.filter+" "+strings.Join(s.by, " "), -1) {
		if !slices.Contains(metric.labels, m[1]) {
			t.Errorf("%s: %s has no label %s", s.place, named[0][1], m[1])
		}
	}
	for _, by := range s.by {
		if !strings.HasPrefix(by, "metric.label.") && by != "resource.label."+resourceLabels[metric.resource] {
			t.Errorf("%s: %s has no label %s", s.place, metric.resource, by)
		}
	}
}

// knownMetrics are those of Google and the log-based ones of a deployment.
func knownMetrics(all []resource) map[string]metricType {
	known := map[string]metricType{}
	for name, m := range googleMetrics {
		known[name] = m
	}
	for _, r := range all {
		if r.Type != "google_logging_metric" {
			continue
		}
		descriptor := block(r.Values, "metric_descriptor")
		m := metricType{descriptor["metric_kind"].(string), descriptor["value_type"].(string), "cloud_run_revision", nil}
		for _, label := range descriptor["labels"].([]any) {
			m.labels = append(m.labels, label.(map[string]any)["key"].(string))
		}
		known["logging.googleapis.com/user/"+r.text("name")] = m
	}
	return known
}

// block returns the only block with this name, nil if there is none.
func block(values map[string]any, name string) map[string]any {
	list, _ := values[name].([]any)
	if len(list) != 1 {
		return nil
	}
	return list[0].(map[string]any)
}

// conditions returns the blocks of the conditions of an alert policy.
func conditions(policy resource) []map[string]any {
	var all []map[string]any
	for _, c := range policy.Values["conditions"].([]any) {
		condition := c.(map[string]any)
		for _, kind := range []string{"condition_threshold", "condition_absent"} {
			if found := block(condition, kind); found != nil {
				all = append(all, found)
			}
		}
	}
	return all
}

func seriesOf(place string, condition map[string]any, filter, aggregations string) series {
	a := block(condition, aggregations)
	s := series{place: place, filter: condition[filter].(string), aligner: a["per_series_aligner"].(string)}
	s.reducer, _ = a["cross_series_reducer"].(string)
	by, _ := a["group_by_fields"].([]any)
	for _, field := range by {
		s.by = append(s.by, field.(string))
	}
	return s
}

func TestTerraformAlerts_UseExistingMetrics(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		all := applied(t, vars...)
		known, n := knownMetrics(all), 0
		for _, r := range all {
			if r.Type != "google_monitoring_alert_policy" {
				continue
			}
			for _, condition := range conditions(r) {
				n++
				place := name + " " + r.Address
				seriesOf(place, condition, "filter", "aggregations").check(t, known)
				if ratio, _ := condition["denominator_filter"].(string); ratio != "" {
					seriesOf(place, condition, "denominator_filter", "denominator_aggregations").check(t, known)
				}
				// Otherwise the API refuses the policy.
				if condition["evaluation_missing_data"] != nil && condition["evaluation_missing_data"] != "" && condition["duration"] != "60s" {
					t.Errorf("%s: evaluation_missing_data with the duration %v", place, condition["duration"])
				}
			}
		}
		if n < 10 {
			t.Errorf("%s: %d conditions", name, n)
		}
	}
}

// A share of few calls says little: the alerts on shares need a number of calls of the same function.
func TestTerraformAlerts_NeedAVolume(t *testing.T) {
	t.Parallel()
	all := applied(t, variables["oidc"]...)
	type condition struct {
		metric            string
		threshold, period any
	}
	const count, times = "run.googleapis.com/request_count", "run.googleapis.com/request_latencies"
	want := map[string][]condition{
		"errors":         {{count, 0.1, "3600s"}, {count, 6.5, "3600s"}},
		"latency":        {{times, 80_000.0, "3600s"}, {count, 19.5, "3600s"}},
		"unacknowledged": {{"pubsub.googleapis.com/subscription/oldest_unacked_message_age", 1800.0, "300s"}},
	}
	for _, r := range all {
		labels, _ := r.Values["user_labels"].(map[string]any)
		if r.Type != "google_monitoring_alert_policy" || want[fmt.Sprint(labels["runbook"])] == nil {
			continue
		}
		key := labels["runbook"].(string)
		var got []condition
		var failed, by []string
		for _, c := range conditions(r) {
			s := seriesOf(r.Address, c, "filter", "aggregations")
			got = append(got, condition{
				usedMetric.FindStringSubmatch(s.filter)[1], c["threshold_value"], block(c, "aggregations")["alignment_period"],
			})
			by = append(by, strings.Join(s.by, ","))
			if strings.Contains(s.filter, `response_code_class = "5xx"`) {
				failed = append(failed, s.filter)
			}
			if c["comparison"] != "COMPARISON_GT" || c["duration"] != "0s" {
				t.Errorf("%s: %v %v", key, c["comparison"], c["duration"])
			}
		}
		if diff := cmp.Diff(want[key], got, cmp.AllowUnexported(condition{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
		if combiner := map[bool]string{true: "AND_WITH_MATCHING_RESOURCE", false: "OR"}[len(got) == 2]; r.text("combiner") != combiner {
			t.Errorf("%s: combiner %s", key, r.text("combiner"))
		}
		if len(slices.Compact(by)) != 1 || (len(failed) == 2) != (key == "errors") {
			t.Errorf("%s: grouped by %v, %d conditions on failed calls", key, by, len(failed))
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("no alert %v", want)
	}
}

// Each alert must name an existing runbook, and each runbook must have an alert. The links open: the
// runbook with its URL, and in any case the dashboard of the deployment.
func TestTerraformAlerts_HaveRunbooks(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"full": "", "oidc": "https://git.acme.test/okta-secops/docs/runbooks"} {
		all := applied(t, variables[name]...)
		dashboard, n := "", 0
		for _, r := range all {
			if r.Type == "google_monitoring_dashboard" {
				dashboard = "https://console.cloud.google.com/monitoring/dashboards/builder/" + filepath.Base(r.text("id")) + "?project=acme-security"
			}
		}
		for _, r := range all {
			if r.Type != "google_monitoring_alert_policy" {
				continue
			}
			n++
			documentation := block(r.Values, "documentation")
			place := strings.TrimPrefix(documentation["content"].(string), "Runbook: ")
			file := filepath.Join("../..", place)
			var want []string
			if url != "" {
				file, want = filepath.Join("../../docs/runbooks", strings.TrimPrefix(place, url)), []string{place}
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", r.Address, err)
			}
			var links []string
			for _, link := range documentation["links"].([]any) {
				links = append(links, link.(map[string]any)["url"].(string))
			}
			if diff := cmp.Diff(append(want, dashboard), links); diff != "" {
				t.Errorf("%s %s: links (-want +got):\n%s", name, r.Address, diff)
			}
		}
		runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
		if all := name == "full"; err != nil || all && len(runbooks) != n || n < 8 {
			t.Errorf("%s: %d alerts, %d runbooks %v", name, n, len(runbooks), err)
		}
		if got := outputs(t, variables[name]...)["dashboard"]; got != dashboard {
			t.Errorf("the output is %v, want %s", got, dashboard)
		}
	}
}

// The dashboard must be one that the API accepts, and without values that the API drops, which would
// be a change in each plan.
func TestTerraformDashboard_IsAsTheAPIStoresIt(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		all := applied(t, vars...)
		i := slices.IndexFunc(all, func(r resource) bool { return r.Type == "google_monitoring_dashboard" })
		var d dashboardpb.Dashboard
		if err := protojson.Unmarshal([]byte(all[i].text("dashboard_json")), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		encoded, err := protojson.Marshal(&d)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		for text, value := range map[string]*any{all[i].text("dashboard_json"): &want, string(encoded): &got} {
			if err := json.Unmarshal([]byte(text), value); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-written +stored):\n%s", name, diff)
		}
		checkCharts(t, name, &d, knownMetrics(all))
	}
}

// checkCharts fails the test unless the charts use existing metrics, show every metric, and have a
// place for each.
func checkCharts(t *testing.T, name string, d *dashboardpb.Dashboard, known map[string]metricType) {
	t.Helper()
	shown, taken := map[string]bool{}, map[string]string{}
	layout := d.GetMosaicLayout()
	for _, tile := range layout.GetTiles() {
		title := tile.GetWidget().GetTitle()
		for x := range tile.GetWidth() {
			for y := range tile.GetHeight() {
				cell := fmt.Sprint(tile.GetXPos()+x, " ", tile.GetYPos()+y)
				if other := taken[cell]; other != "" || tile.GetXPos()+x >= layout.GetColumns() {
					t.Errorf("%s: %q and %q are at %s", name, title, other, cell)
				}
				taken[cell] = title
			}
		}
		sets := tile.GetWidget().GetXyChart().GetDataSets()
		for _, set := range sets {
			f := set.GetTimeSeriesQuery().GetTimeSeriesFilter()
			a := f.GetAggregation()
			series{
				name + " " + title, f.GetFilter(), a.GetPerSeriesAligner().String(), a.GetCrossSeriesReducer().String(),
				a.GetGroupByFields(),
			}.check(t, known)
			if m := usedMetric.FindStringSubmatch(f.GetFilter()); m != nil {
				shown[m[1]] = true
			}
			for _, m := range regexp.MustCompile(`\$\{(resource|metric)\.labels\.(\w+)\}`).FindAllStringSubmatch(set.GetLegendTemplate(), -1) {
				if !slices.Contains(a.GetGroupByFields(), m[1]+".label."+m[2]) {
					t.Errorf("%s %s: the legend %s has a label that the series do not have", name, title, set.GetLegendTemplate())
				}
			}
		}
		if title == "" || len(sets) == 0 {
			t.Errorf("%s: the tile %v", name, tile)
		}
	}
	for metric := range known {
		if !shown[metric] {
			t.Errorf("%s: no chart shows %s", name, metric)
		}
	}
}
