package pipeline_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

const generation = "1764140400123456"

// stored is the plan in the bucket.
const stored = "a plan"

// approved returns a workspace of the apply, for which stored was approved.
func approved(t *testing.T) workspace {
	t.Helper()
	w := newWorkspace(t, "cloudbuild-apply.yaml")
	w.env["_PLAN_BUILD"], w.env["_PLAN_GENERATION"] = planBuild, generation
	w.env["_PLAN_SHA256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(stored)))
	w.planned("SUCCESS", commit, stored)
	return w
}

// planned makes gcloud report the build of the plan and serve the plan, by its one generation.
func (w workspace) planned(status, commit, plan string) {
	w.command("gcloud", `case "$*" in
"builds describe `+planBuild+` --region=global "*"(status,substitutions.COMMIT_SHA)") echo "`+status+` `+commit+`" ;;
"storage cp gs://acme-plans/`+planBuild+`/plan#`+generation+` plan") printf %s "`+plan+`" >plan ;;
*) echo "gcloud $*: not found" >&2; exit 1 ;;
esac
`)
}

func TestApply_FetchesTheApprovedPlan(t *testing.T) {
	t.Parallel()
	w := approved(t)
	w.run("fetch the plan")
	if got := w.read("terraform/plan"); got != stored {
		t.Errorf("%q", got)
	}
}

func TestApply_RefusesAnotherPlan(t *testing.T) {
	t.Parallel()
	other := fmt.Sprintf("%x", sha256.Sum256([]byte("another plan")))
	for name, test := range map[string]struct {
		set  func(w workspace)
		want string
	}{
		"another SHA-256":       {func(w workspace) { w.env["_PLAN_SHA256"] = other }, "another SHA-256"},
		"replaced content":      {func(w workspace) { w.planned("SUCCESS", commit, "a plan 2") }, "another SHA-256"},
		"another generation":    {func(w workspace) { w.env["_PLAN_GENERATION"] = "1764140400999999" }, "not found"},
		"no generation":         {func(w workspace) { w.env["_PLAN_GENERATION"] = "" }, `_PLAN_GENERATION ""`},
		"generation 0":          {func(w workspace) { w.env["_PLAN_GENERATION"] = "0" }, `_PLAN_GENERATION "0"`},
		"no SHA-256":            {func(w workspace) { w.env["_PLAN_SHA256"] = "" }, `_PLAN_SHA256 ""`},
		"a short SHA-256":       {func(w workspace) { w.env["_PLAN_SHA256"] = other[:32] }, "64 lower-case"},
		"no build":              {func(w workspace) { w.env["_PLAN_BUILD"] = "" }, `_PLAN_BUILD ""`},
		"a path for a build":    {func(w workspace) { w.env["_PLAN_BUILD"] = "../" + planBuild }, "is not the id of a build"},
		"another build":         {func(w workspace) { w.env["_PLAN_BUILD"] = "9" + planBuild[1:] }, "not SUCCESS"},
		"failed checks":         {func(w workspace) { w.planned("FAILURE", commit, stored) }, `"FAILURE", not SUCCESS`},
		"checks that still run": {func(w workspace) { w.planned("WORKING", commit, stored) }, "not SUCCESS"},
		"another commit":        {func(w workspace) { w.planned("SUCCESS", "0a1b2c", stored) }, "--sha=0a1b2c"},
		"a plan of no commit":   {func(w workspace) { w.planned("SUCCESS", "", stored) }, "the plan is of commit"},
		"no commit":             {func(w workspace) { w.env["COMMIT_SHA"] = "" }, "start it by its trigger"},
		"no bucket":             {func(w workspace) { w.env["_PLANS_BUCKET"] = "" }, "_PLANS_BUCKET is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := approved(t)
			test.set(w)
			w.refused("fetch the plan", test.want)
		})
	}
}

func TestApply_DoctorNeedsACaller(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "cloudbuild-apply.yaml")
	w.command("go", "printf '<%s>' \"$@\"\n")
	w.refused("doctor", "_CALLER_KEY or _INVOKER")
	w.env["_INVOKER"] = "soar@acme-security.iam.gserviceaccount.com"
	deployment := "<run><./tools/doctor><-project><acme-security><-region><europe-west3><-instance><%s><-project-number><123456789012><-deliver>"
	if got, want := w.run("doctor"), fmt.Sprintf(deployment, "")+"<-as><"+w.env["_INVOKER"]+">"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	w.env["_CALLER_KEY"], w.env["_INSTANCE"] = "okta-smoke-key", "emea"
	if got, want := w.run("doctor"), fmt.Sprintf(deployment, "emea")+"<-header-file></key/key>"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestApply_ReadsNoKeyUnlessSet(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "cloudbuild-apply.yaml")
	w.command("gcloud", "exit 1\n")
	w.run("caller key")
}
