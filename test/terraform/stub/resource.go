package main

import (
	"fmt"
	"hash/fnv"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// plan leaves open what is computed and has no value yet, if create, and takes away what is write-only.
func plan(value tftypes.Value, b *tfprotov6.SchemaBlock, create bool) (tftypes.Value, error) {
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
		case create && a.Computed && members[a.Name].IsNull():
			members[a.Name] = tftypes.NewValue(a.Type, tftypes.UnknownValue)
		}
	}
	for _, n := range b.BlockTypes {
		inner := members[n.TypeName]
		if inner.IsNull() || !inner.IsKnown() {
			continue
		}
		if n.Nesting == tfprotov6.SchemaNestedBlockNestingModeSingle {
			planned, err := plan(inner, n.Block, create)
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
			if items[i], err = plan(items[i], n.Block, create); err != nil {
				return value, err
			}
		}
		members[n.TypeName] = tftypes.NewValue(inner.Type(), items)
	}
	return tftypes.NewValue(value.Type(), members), nil
}

// identity are the attributes that make a resource another one.
var identity = []string{"account_id", "bucket", "bucket_id", "location", "name", "project", "region", "secret_id", "service", "topic"}

// replaced are the changed attributes for which a resource has to be made anew.
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

// labelled leaves the labels that are computed of others open where those change.
func labelled(prior, planned tftypes.Value) (tftypes.Value, error) {
	before, after := map[string]tftypes.Value{}, map[string]tftypes.Value{}
	if err := prior.As(&before); err != nil {
		return planned, err
	}
	if err := planned.As(&after); err != nil {
		return planned, err
	}
	if labels, has := after["labels"]; !has || labels.Equal(before["labels"]) {
		return planned, nil
	}
	for _, name := range []string{"effective_labels", "terraform_labels"} {
		if v, has := after[name]; has {
			after[name] = tftypes.NewValue(v.Type(), tftypes.UnknownValue)
		}
	}
	return tftypes.NewValue(planned.Type(), after), nil
}

// fill gives what is open the value that Google would.
func (p *provider) fill(kind string, planned tftypes.Value) (tftypes.Value, error) {
	members := map[string]tftypes.Value{}
	if err := planned.As(&members); err != nil {
		return planned, err
	}
	r := resource{kind: kind, project: p.project, region: p.region, labels: members["labels"], text: map[string]string{}}
	for name, value := range members {
		r.text[name] = text(value)
	}
	r.project, r.region = first(r.text["project"], r.text["project_id"], p.project), first(r.text["region"], r.text["location"], p.region)
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

// resource is what the values of a resource are made from.
type resource struct {
	kind, project, region string
	labels                tftypes.Value
	text                  map[string]string // its attributes that are strings
}

func (r resource) value(name string, t tftypes.Type) tftypes.Value {
	switch {
	case t.Is(tftypes.String):
		return tftypes.NewValue(t, r.string(name))
	case t.Is(tftypes.Number):
		return tftypes.NewValue(t, big.NewFloat(1))
	case t.Is(tftypes.Bool):
		return tftypes.NewValue(t, false)
	case (name == "effective_labels" || name == "terraform_labels") && r.labels.Type() != nil && r.labels.IsKnown() && !r.labels.IsNull():
		return r.labels
	case t.Is(tftypes.Map{}):
		return tftypes.NewValue(t, map[string]tftypes.Value{})
	case t.Is(tftypes.List{}), t.Is(tftypes.Set{}):
		return tftypes.NewValue(t, []tftypes.Value{})
	default:
		return tftypes.NewValue(t, nil)
	}
}

const projectNumber = "123456789012"

// paths are the ids of resources that others refer to, after projects/P/.
var paths = map[string]string{
	"google_cloudfunctions2_function":      "locations/%[2]s/functions/%[1]s",
	"google_compute_address":               "regions/%[2]s/addresses/%[1]s",
	"google_compute_network":               "global/networks/%[1]s",
	"google_compute_router":                "regions/%[2]s/routers/%[1]s",
	"google_compute_subnetwork":            "regions/%[2]s/subnetworks/%[1]s",
	"google_logging_project_bucket_config": "locations/%[2]s/buckets/%[1]s",
	"google_pubsub_subscription":           "subscriptions/%[1]s",
	"google_pubsub_topic":                  "topics/%[1]s",
	"google_secret_manager_secret":         "secrets/%[1]s",
	"google_service_account":               "serviceAccounts/%[1]s",
}

func (r resource) string(name string) string {
	own := first(r.text["name"], r.text["account_id"], r.text["secret_id"], r.text["bucket_id"], r.text["display_name"], r.text["service"])
	if r.kind == "google_service_account" {
		own = r.text["account_id"] + "@" + r.project + ".iam.gserviceaccount.com"
	}
	id := r.kind + "/" + own
	if path := paths[r.kind]; path != "" {
		id = fmt.Sprintf("projects/"+r.project+"/"+path, own, r.region)
	}
	if strings.HasSuffix(r.kind, "_iam_member") {
		sum := fnv.New32a()
		fmt.Fprint(sum, r.text)
		id = fmt.Sprintf("%s/%08x", r.kind, sum.Sum32())
	}
	switch name {
	case "id":
		if r.kind == "google_storage_bucket" || r.kind == "google_logging_metric" {
			return own
		}
		return id
	case "name":
		return id
	case "email":
		return own
	case "member":
		return "serviceAccount:" + own
	case "project", "project_id":
		return r.project
	case "number":
		return projectNumber
	case "region", "location":
		return r.region
	case "uri", "url":
		return "https://" + own + "-stub.run.app"
	case "service":
		return "projects/" + r.project + "/locations/" + r.region + "/services/" + own
	case "self_link":
		return "https://www.googleapis.com/compute/v1/" + id
	case "address":
		return "192.0.2.1"
	case "state":
		return "ACTIVE"
	case "writer_identity":
		return "serviceAccount:service-" + projectNumber + "@gcp-sa-logging.iam.gserviceaccount.com"
	default:
		return id + "-" + name
	}
}
