package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// plan marks computed attributes without a value as unknown, in blocks too, and clears write-only
// attributes.
func plan(value tftypes.Value, b *tfprotov6.SchemaBlock) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	members := map[string]tftypes.Value{}
	if err := value.As(&members); err != nil {
		return value, err
	}
	for _, a := range b.Attributes {
		switch {
		case a.WriteOnly:
			members[a.Name] = tftypes.NewValue(a.Type, nil)
		case a.Computed && members[a.Name].IsNull():
			members[a.Name] = tftypes.NewValue(a.Type, tftypes.UnknownValue)
		}
	}
	for _, n := range b.BlockTypes {
		inner := members[n.TypeName]
		if inner.IsNull() || !inner.IsKnown() {
			continue
		}
		if n.Nesting == tfprotov6.SchemaNestedBlockNestingModeSingle {
			planned, err := plan(inner, n.Block)
			if err != nil {
				return value, err
			}
			members[n.TypeName] = planned
			continue
		}
		var items []tftypes.Value
		if err := inner.As(&items); err != nil {
			return value, err
		}
		for i := range items {
			var err error
			if items[i], err = plan(items[i], n.Block); err != nil {
				return value, err
			}
		}
		members[n.TypeName] = tftypes.NewValue(inner.Type(), items)
	}
	return tftypes.NewValue(value.Type(), members), nil
}

// inherit sets project and region from the provider block if the configuration of the resource does
// not set them. Terraform proposes the prior value, which may differ.
func (p *provider) inherit(
	config map[string]tftypes.Value, planned tftypes.Value, b *tfprotov6.SchemaBlock,
) (tftypes.Value, error) {
	members := map[string]tftypes.Value{}
	if err := planned.As(&members); err != nil {
		return planned, err
	}
	settings := map[string]string{"project": p.project, "region": p.region}
	for _, a := range b.Attributes {
		if setting := settings[a.Name]; setting != "" && a.Optional && a.Computed && config[a.Name].IsNull() {
			members[a.Name] = tftypes.NewValue(a.Type, setting)
		}
	}
	return tftypes.NewValue(planned.Type(), members), nil
}

// label merges the labels of a resource with the provider's default labels. Like the real provider,
// it does so during planning if the resource's labels are known.
func (p *provider) label(planned tftypes.Value) (tftypes.Value, error) {
	members := map[string]tftypes.Value{}
	if err := planned.As(&members); err != nil {
		return planned, err
	}
	if _, has := members["effective_labels"]; !has {
		return planned, nil
	}
	var both any = tftypes.UnknownValue
	if own := members["labels"]; own.IsFullyKnown() {
		labels := map[string]tftypes.Value{}
		if err := own.As(&labels); err != nil {
			return planned, err
		}
		all := maps.Clone(p.labels)
		if all == nil {
			all = map[string]tftypes.Value{}
		}
		maps.Copy(all, labels)
		both = all
	}
	for _, name := range []string{"effective_labels", "terraform_labels"} {
		if v, has := members[name]; has {
			members[name] = tftypes.NewValue(v.Type(), both)
		}
	}
	return tftypes.NewValue(planned.Type(), members), nil
}

// identity are the attributes whose change replaces the resource.
var identity = []string{
	"account_id", "bucket", "bucket_id", "instance", "key_ring", "location", "name", "network", "project", "region",
	"repository_id", "router", "secret", "secret_id", "service", "topic",
}

// replaced returns the changed attributes that require replacing the resource.
func replaced(kind string, prior, planned tftypes.Value) ([]*tftypes.AttributePath, error) {
	before, after := map[string]tftypes.Value{}, map[string]tftypes.Value{}
	if err := prior.As(&before); err != nil {
		return nil, err
	}
	if err := planned.As(&after); err != nil {
		return nil, err
	}
	var paths []*tftypes.AttributePath
	for name, value := range after {
		if (slices.Contains(identity, name) || strings.HasSuffix(kind, "_iam_member")) && !value.Equal(before[name]) {
			paths = append(paths, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	return paths, nil
}

// fill gives unknown attributes a value as Google would compute it.
func (p *provider) fill(kind string, planned tftypes.Value) (tftypes.Value, error) {
	members := map[string]tftypes.Value{}
	if err := planned.As(&members); err != nil {
		return planned, err
	}
	r := resource{kind: kind, text: map[string]string{}}
	for name, value := range members {
		r.text[name] = text(value)
	}
	sum := fnv.New32a()
	fmt.Fprint(sum, kind, r.text)
	r.sum = sum.Sum32()
	r.project = first(r.text["project"], r.text["project_id"], p.project)
	r.region = first(r.text["region"], r.text["location"], p.region)
	return tftypes.Transform(planned, func(path *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		name := ""
		for _, step := range path.Steps() {
			if attribute, is := step.(tftypes.AttributeName); is {
				name = string(attribute)
			}
		}
		return r.value(name, v.Type()), nil
	})
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// resource has the inputs from which the computed values of a resource are derived.
type resource struct {
	kind, project, region string
	text                  map[string]string // its string attributes
	sum                   uint32            // a hash of text, used for ids that are numbers
}

func (r resource) value(name string, t tftypes.Type) tftypes.Value {
	switch {
	case t.Is(tftypes.String):
		return tftypes.NewValue(t, r.string(name))
	case t.Is(tftypes.Number) && name == "project_number":
		return tftypes.NewValue(t, projectNumber)
	case t.Is(tftypes.Number):
		return tftypes.NewValue(t, 1)
	case t.Is(tftypes.Bool):
		return tftypes.NewValue(t, name == "enabled")
	case t.Is(tftypes.Map{}):
		return tftypes.NewValue(t, map[string]tftypes.Value{})
	case t.Is(tftypes.List{}), t.Is(tftypes.Set{}):
		return tftypes.NewValue(t, []tftypes.Value{})
	default:
		return tftypes.NewValue(t, nil)
	}
}

const projectNumber = 123456789012

// ids are the forms of the ids. $own is the name of the resource and $sum a number derived from its
// attributes; other variables are attributes.
var ids = map[string]string{
	"google_artifact_registry_repository":          "projects/$project/locations/$region/repositories/$repository_id",
	"google_chronicle_feed":                        "projects/$project/locations/$region/instances/$instance/feeds/$sum",
	"google_client_config":                         "projects/$project/regions/$region",
	"google_cloud_scheduler_job":                   "projects/$project/locations/$region/jobs/$own",
	"google_cloudbuild_trigger":                    "projects/$project/locations/$region/triggers/$sum",
	"google_cloudfunctions2_function":              "projects/$project/locations/$region/functions/$own",
	"google_compute_address":                       "projects/$project/regions/$region/addresses/$own",
	"google_compute_network":                       "projects/$project/global/networks/$own",
	"google_compute_region_network_endpoint_group": "projects/$project/regions/$region/networkEndpointGroups/$own",
	"google_compute_router":                        "projects/$project/regions/$region/routers/$own",
	"google_compute_router_nat":                    "$project/$region/$router/$own",
	"google_compute_security_policy":               "projects/$project/global/securityPolicies/$own",
	"google_compute_subnetwork":                    "projects/$project/regions/$region/subnetworks/$own",
	"google_eventarc_trigger":                      "projects/$project/locations/$region/triggers/$own",
	"google_kms_crypto_key":                        "$key_ring/cryptoKeys/$own",
	"google_kms_key_ring":                          "projects/$project/locations/$region/keyRings/$own",
	"google_logging_metric":                        "$own",
	"google_logging_project_bucket_config":         "projects/$project/locations/$region/buckets/$own",
	"google_logging_project_exclusion":             "projects/$project/exclusions/$own",
	"google_logging_project_sink":                  "projects/$project/sinks/$own",
	"google_monitoring_alert_policy":               "projects/$project/alertPolicies/$sum",
	"google_monitoring_dashboard":                  "projects/$project/dashboards/$sum",
	"google_monitoring_notification_channel":       "projects/$project/notificationChannels/$sum",
	"google_project":                               "projects/$project",
	"google_project_service":                       "$project/$service",
	"google_pubsub_schema":                         "projects/$project/schemas/$own",
	"google_pubsub_subscription":                   "projects/$project/subscriptions/$own",
	"google_pubsub_topic":                          "projects/$project/topics/$own",
	"google_secret_manager_secret":                 "projects/$project/secrets/$own",
	"google_secret_manager_secret_version":         "$secret/versions/$version",
	"google_service_account":                       "projects/$project/serviceAccounts/$own",
	"google_storage_bucket":                        "$own",
	"google_storage_bucket_object":                 "$bucket-$own",
	"google_storage_project_service_account":       "$own",
}

// own returns the name of the resource.
func (r resource) own() string {
	switch r.kind {
	case "google_service_account":
		return r.text["account_id"] + "@" + r.project + ".iam.gserviceaccount.com"
	case "google_storage_project_service_account":
		return fmt.Sprintf("service-%d@gs-project-accounts.iam.gserviceaccount.com", projectNumber)
	case "google_project":
		return r.project
	}
	return first(r.text["name"], r.text["secret_id"], r.text["bucket_id"], r.text["display_name"], r.text["service"])
}

func (r resource) id() string {
	pattern, known := ids[r.kind]
	switch {
	case strings.Contains(r.kind, "_iam_"):
		pattern = r.kind + "/$sum"
	case !known:
		pattern = r.kind + "/$own"
	}
	return os.Expand(pattern, func(name string) string {
		switch name {
		case "own":
			return r.own()
		case "sum":
			return strconv.FormatUint(uint64(r.sum), 10)
		case "project":
			return r.project
		case "region":
			return r.region
		case "version":
			return first(r.text["version"], "1")
		case "secret": // an id or a path
			if secret := r.text["secret"]; !strings.Contains(secret, "/") {
				return "projects/" + r.project + "/secrets/" + secret
			}
		}
		return r.text[name]
	})
}

func (r resource) string(name string) string {
	switch id, own := r.id(), r.own(); name {
	case "id":
		return id
	case "name":
		if r.kind == "google_project" {
			return own
		}
		return id
	case "email", "email_address":
		return own
	case "member":
		return "serviceAccount:" + own
	case "project", "project_id":
		return r.project
	case "number":
		return strconv.Itoa(projectNumber)
	case "region", "location":
		return r.region
	case "version":
		return "1"
	case "uri", "url":
		if r.kind == "google_storage_bucket" {
			return "gs://" + own
		}
		return "https://" + own + "-stub.run.app"
	case "service":
		return "projects/" + r.project + "/locations/" + r.region + "/services/" + own
	case "self_link":
		if r.kind == "google_storage_bucket" {
			return "https://www.googleapis.com/storage/v1/b/" + own
		}
		return "https://www.googleapis.com/compute/v1/" + id
	case "address":
		return "192.0.2.1"
	case "state":
		return "ACTIVE"
	case "writer_identity":
		return fmt.Sprintf("serviceAccount:service-%d@gcp-sa-logging.iam.gserviceaccount.com", projectNumber)
	default:
		return id + "-" + name
	}
}

// asked fills the attributes of a data source that repeat its request.
func (p *provider) asked(kind string, open tftypes.Value) (tftypes.Value, error) {
	members := map[string]tftypes.Value{}
	if err := open.As(&members); err != nil {
		return open, err
	}
	switch kind {
	case "google_project": // optional and not computed in the schema, but the real provider sets it
		if members["project_id"].IsNull() {
			members["project_id"] = tftypes.NewValue(tftypes.String, p.project)
		}
	case "google_client_config":
		members["default_labels"] = tftypes.NewValue(members["default_labels"].Type(), p.labels)
	case "google_iam_policy":
		policy, err := policyOf(members["binding"])
		if err != nil {
			return open, err
		}
		members["policy_data"] = tftypes.NewValue(tftypes.String, policy)
	}
	return tftypes.NewValue(open.Type(), members), nil
}

// policyOf returns a policy in the JSON form of the IAM API.
func policyOf(bindings tftypes.Value) (string, error) {
	type binding struct {
		Members []string `json:"members"`
		Role    string   `json:"role"`
	}
	policy := struct {
		Bindings []binding `json:"bindings"`
	}{[]binding{}}
	var all []tftypes.Value
	if err := bindings.As(&all); err != nil {
		return "", err
	}
	for _, each := range all {
		attributes := map[string]tftypes.Value{}
		if err := each.As(&attributes); err != nil {
			return "", err
		}
		var members []tftypes.Value
		if err := attributes["members"].As(&members); err != nil {
			return "", err
		}
		b := binding{Role: text(attributes["role"])}
		for _, m := range members {
			b.Members = append(b.Members, text(m))
		}
		policy.Bindings = append(policy.Bindings, b)
	}
	out, err := json.Marshal(policy)
	return string(out), err
}
