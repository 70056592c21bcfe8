package terraform_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/guardrail"
)

// A role that this test does not list, or a role on the project, needs a decision.
func TestTerraformIAM_GrantsKnownRolesOnSingleResources(t *testing.T) {
	t.Parallel()
	roles := map[string]string{
		"google_cloud_run_v2_service_iam_member":   "roles/run.invoker",
		"google_pubsub_subscription_iam_member":    "roles/pubsub.subscriber",
		"google_pubsub_topic_iam_member":           "roles/pubsub.publisher",
		"google_secret_manager_secret_iam_member":  "roles/secretmanager.secretAccessor",
		"google_service_account_iam_member":        "roles/iam.serviceAccountTokenCreator",
		"google_storage_bucket_iam_member":         "roles/storage.legacyBucketReader",
		"google_storage_managed_folder_iam_member": "roles/storage.objectUser",
		"google_storage_bucket_iam_member builder": "roles/storage.objectViewer",

		"google_storage_managed_folder_iam_member changes": "roles/storage.objectCreator",

		// Operators see and add versions of keys.
		"google_secret_manager_secret_iam_member key_operator": "roles/secretmanager.secretVersionManager",
	}
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			public := 0
			accounts := map[string]bool{}
			for _, r := range applied(t, vars...) {
				if r.Type == "google_cloudfunctions2_function" {
					accounts[r.Values["service_config"].([]any)[0].(map[string]any)["service_account_email"].(string)] = true
				}
				if !strings.Contains(r.Type, "_iam_") {
					continue
				}
				kind := r.Type
				if strings.Contains(r.Address, ".builder") {
					kind += " builder"
				}
				if strings.Contains(r.Address, ".changes[") {
					kind += " changes"
				}
				if strings.Contains(r.Address, ".key_operator[") && !strings.Contains(r.Address, "reads public-keys") {
					kind += " key_operator"
				}
				if r.text("role") != roles[kind] || r.text("role") == "" {
					t.Errorf("%s grants %s", r.Address, r.text("role"))
				}
				if strings.HasPrefix(r.text("member"), "all") {
					public++
					if name == "minimal" || r.Type != "google_cloud_run_v2_service_iam_member" {
						t.Errorf("%s lets %s in", r.Address, r.text("member"))
					}
				}
			}
			if len(accounts) != len(handlers.Groups)+transmitters[name] {
				t.Errorf("the functions run as %v", slices.Sorted(maps.Keys(accounts)))
			}
			if want := map[bool]int{true: 0, false: len(handlers.Groups) + transmitters[name]}[name == "minimal"]; public != want {
				t.Errorf("%d functions are public, want %d", public, want)
			}
		})
	}
}

// A function that could write the record of another could make its requests look completed.
func TestTerraformIdempotency_EachFunctionWritesOnlyItsOwnPrefix(t *testing.T) {
	t.Parallel()
	for name, vars := range variables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, writes, lists := map[string][]string{}, map[string][]string{}, map[string][]string{}
			bucket := ""
			for _, r := range applied(t, vars...) {
				switch r.Type {
				case "google_cloudfunctions2_function":
					service := r.Values["service_config"].([]any)[0].(map[string]any)
					environment := service["environment_variables"].(map[string]any)
					if environment["IDEMPOTENCY_BUCKET"] == nil {
						continue // the transmitter
					}
					bucket = environment["IDEMPOTENCY_BUCKET"].(string)
					member := "serviceAccount:" + service["service_account_email"].(string)
					want[member] = append(want[member], bucket+" "+environment["IDEMPOTENCY_PREFIX"].(string))
				case "google_storage_managed_folder_iam_member":
					if r.text("managed_folder") == guardrail.BucketPrefix {
						continue // which all functions share
					}
					writes[r.text("member")] = append(writes[r.text("member")], r.text("bucket")+" "+r.text("managed_folder"))
				}
			}
			for _, r := range applied(t, vars...) {
				if r.Type == "google_storage_bucket_iam_member" && r.text("bucket") == bucket {
					lists[r.text("role")] = append(lists[r.text("role")], r.text("member"))
				}
			}
			if diff := cmp.Diff(want, writes); diff != "" || len(want) != len(handlers.Groups) {
				t.Errorf("what each function writes (-setting +granted):\n%s", diff)
			}
			// Without the permission to list, Cloud Storage answers 403 for a record that does not exist.
			if len(lists) != 1 || len(lists["roles/storage.legacyBucketReader"]) != len(handlers.Groups) {
				t.Errorf("roles on the whole bucket: %v", lists)
			}
		})
	}
}

// Without a dead-letter topic Pub/Sub drops a message that it cannot deliver within the retention.
func TestTerraformDeliveries_AreMonitoredAndEndAsDeadLetters(t *testing.T) {
	t.Parallel()
	all := applied(t, variables["full"]...)
	forwards, watched, delivered := map[string]bool{}, "", 0
	for _, r := range all {
		switch {
		case r.Type == "google_pubsub_subscription_iam_member" && r.text("role") == "roles/pubsub.subscriber":
			forwards[r.text("subscription")] = true
		case r.Type == "google_monitoring_alert_policy" && strings.HasSuffix(r.Address, `["unacknowledged"]`):
			condition := r.Values["conditions"].([]any)[0].(map[string]any)["condition_threshold"].([]any)[0].(map[string]any)
			watched = regexp.MustCompile(`full_match\("(.*?)"\)`).FindStringSubmatch(condition["filter"].(string))[1]
		}
	}
	for _, r := range all {
		if r.Type != "google_pubsub_subscription" || len(r.Values["push_config"].([]any)) == 0 {
			continue
		}
		delivered++
		if dead := r.Values["dead_letter_policy"].([]any); len(dead) != 1 {
			t.Errorf("%s has no dead-letter policy", r.Address)
		}
		if !forwards[r.text("id")] {
			t.Errorf("%s: Pub/Sub has no permission to forward its dead letters", r.Address)
		}
		if !slices.Contains(strings.Split(watched, "|"), r.text("name")) {
			t.Errorf("%s: no alert watches it, but %s", r.Address, watched)
		}
	}
	if delivered != len(handlers.Groups)+1 {
		t.Errorf("%d push subscriptions, want one per group and that of the feed", delivered)
	}
}

// Secret Manager publishes reminders and other events to one topic. Only reminders need a person.
func TestTerraformRotation_RemindersRaiseAnAlert(t *testing.T) {
	t.Parallel()
	subscription, filter, channels := resource{}, "", []any(nil)
	for _, r := range applied(t, variables["full"]...) {
		switch {
		case strings.HasSuffix(r.Address, "google_pubsub_subscription.rotation[0]"):
			subscription = r
		case strings.HasSuffix(r.Address, `google_monitoring_alert_policy.threshold["secret-rotation"]`):
			condition := r.Values["conditions"].([]any)[0].(map[string]any)["condition_threshold"].([]any)[0].(map[string]any)
			filter, channels = condition["filter"].(string), r.Values["notification_channels"].([]any)
		}
	}
	if subscription.text("filter") != `attributes.eventType = "SECRET_ROTATE"` {
		t.Errorf("the subscription keeps %q", subscription.text("filter"))
	}
	if name := subscription.text("name"); name == "" || !strings.Contains(filter, `subscription_id = "`+name+`"`) ||
		!strings.Contains(filter, "num_undelivered_messages") || len(channels) != 1 {
		t.Errorf("the alert watches %q for %q and notifies %v", filter, name, channels)
	}
}

// Cloud Run removes the signature of a token that it checks, so a function that is not public would
// refuse every delivery. Only the operator can choose between the two ways out.
func TestTerraformRefusal_NamesTheSettings(t *testing.T) {
	t.Parallel()
	r := open(t, tree)
	for want, vars := range map[string][]string{
		"caller_auth is apikey, which needs allow_public_invocation = true (or use caller_auth iam)": {"-var=caller_auth=apikey"},
		"caller_auth is oidc, which needs allow_public_invocation = true (or use caller_auth iam)": {
			"-var=caller_auth=oidc", `-var=caller_emails=["soar@acme.iam.gserviceaccount.com"]`,
		},
		"okta_credentials has no entry for groups, sessions: add one for each, or default,": {
			`-var=groups=["users", "groups", "sessions"]`, `-var=okta_credentials={"users" = {"oauth" = {"client_id" = "0oa1"}}}`,
		},
	} {
		out, err := r.try(append(append([]string{"plan", "-no-color"}, variables["minimal"]...), vars...)...)
		out = strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " ")
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("want %q, got %v\n%s", want, err, out)
		}
	}
}
