package pipeline_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guide returns the shell commands of docs/deploy.md.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	fence := regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	return strings.Join(blocks, "\n")
}

// follow runs the commands of docs/deploy.md in order, in one shell, with stand-ins that succeed,
// and returns their command lines. A variable that is not set before its use fails.
func follow(t *testing.T) (commands [][]string) {
	t.Helper()
	w := workspace{t: t, dir: t.TempDir(), bin: t.TempDir()}
	record := `{ printf '%s\037' "${0##*/}" "$@"; echo; } >>"$RECORD"` + "\n"
	for _, name := range []string{"terraform", "go", "git"} {
		w.command(name, record)
	}
	w.command("gcloud", record+`case "$*" in
*" approve.plan") : >approve.plan ;;
*--data-file=-*) cat >/dev/null ;;
"projects describe "*) echo 123456789012 ;;
esac
`)
	w.command("openssl", `[ "$1 $#" = "dgst 3" ] && cat >/dev/null
echo 'canary *stdin'
`)
	if err := os.Mkdir(filepath.Join(w.dir, "terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("terraform/terraform.tfvars.example", "")
	recorded := filepath.Join(t.TempDir(), "commands")
	c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", guide(t))
	c.Dir = w.dir
	c.Env = []string{"PATH=" + w.bin + ":" + os.Getenv("PATH"), "RECORD=" + recorded, "HOME=" + w.dir}
	c.Stdin = strings.NewReader("canary\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		commands = append(commands, strings.Split(strings.TrimSuffix(line, "\x1f\n"), "\x1f"))
	}
	return commands
}

// flag returns the value of --name=value.
func flag(command []string, name string) string {
	for _, argument := range command {
		if value, is := strings.CutPrefix(argument, "--"+name+"="); is {
			return value
		}
	}
	return ""
}

const project = "YOUR_PROJECT"

// TestDeployGuide_CreatesBeforeUse follows docs/deploy.md: each service account, bucket, secret and
// role of the project is created before its first use, and each member of a binding exists.
func TestDeployGuide_CreatesBeforeUse(t *testing.T) {
	t.Parallel()
	// Terraform creates these. The other members are people and the account of SOAR, which exist
	// before.
	made := map[string]bool{
		"gs://" + project + "-okta-source": true, "gs://" + project + "-okta-idempotency": true,
		"okta-credential-default": true, "okta-caller-keys": true,
		"serviceAccount:YOUR_SOAR_SERVICE_ACCOUNT": true, "user:YOUR_ADDRESS": true, "user:APPROVER_ADDRESS": true,
	}
	account := regexp.MustCompile(`[a-z0-9-]+@` + project + `\.iam\.gserviceaccount\.com`)
	bucket := regexp.MustCompile(`gs://[A-Za-z0-9_-]+`)
	custom := regexp.MustCompile(`projects/` + project + `/roles/\w+`)
	predefined := regexp.MustCompile(`^roles/[a-zA-Z]+(\.[a-zA-Z]+)*$`)
	agent := func(name string) string {
		return "serviceAccount:service-123456789012@" + name + ".iam.gserviceaccount.com"
	}
	accounts, bindings := 0, 0
	for _, c := range follow(t) {
		line := strings.Join(c, " ")
		switch {
		case strings.HasPrefix(line, "gcloud iam service-accounts create "):
			accounts++
			made["serviceAccount:"+c[4]+"@"+project+".iam.gserviceaccount.com"] = true
		case strings.HasPrefix(line, "gcloud beta services identity create "):
			service, _, _ := strings.Cut(flag(c, "service"), ".")
			made[agent("gcp-sa-"+service)] = true
		case strings.HasPrefix(line, "gcloud storage service-agent "):
			made[agent("gs-project-accounts")] = true
		case strings.HasPrefix(line, "gcloud storage buckets create "):
			made[c[4]] = true
		case strings.HasPrefix(line, "gcloud secrets create "):
			made[c[3]] = true
		case strings.HasPrefix(line, "gcloud iam roles create "):
			made["projects/"+project+"/roles/"+c[4]] = true
		}
		var used []string
		for _, name := range account.FindAllString(line, -1) {
			used = append(used, "serviceAccount:"+name)
		}
		used = append(append(used, bucket.FindAllString(line, -1)...), custom.FindAllString(line, -1)...)
		if slices.Contains(c, "add-iam-policy-binding") {
			bindings++
			used = append(used, flag(c, "member"))
			if role := flag(c, "role"); !predefined.MatchString(role) && !made[role] {
				t.Errorf("%s: the role %q", line, role)
			}
		}
		if strings.HasPrefix(line, "gcloud secrets versions add ") {
			used = append(used, c[4])
		}
		for _, name := range used {
			if !made[name] {
				t.Errorf("%q is used before it is created: %s", name, line)
			}
		}
	}
	if accounts != 4 || bindings < 40 {
		t.Errorf("%d accounts, %d bindings", accounts, bindings)
	}
}

// needed are the roles for the resources of terraform/, by the beginning of their types after google_:
// to create and to read them. The longest beginning applies.
var needed = map[string]struct{ apply, plan string }{
	"project":         {"roles/serviceusage.serviceUsageAdmin", "roles/serviceusage.serviceUsageViewer"},
	"service":         {"roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountViewer"},
	"cloudfunctions2": {"roles/cloudfunctions.admin", "roles/cloudfunctions.viewer"},
	"cloud_run":       {"roles/run.admin", "roles/iam.securityReviewer"},
	"cloud_scheduler": {"roles/cloudscheduler.admin", "roles/cloudscheduler.viewer"},
	"pubsub":          {"roles/pubsub.admin", "roles/pubsub.viewer"},
	"secret":          {"roles/secretmanager.admin", "roles/secretmanager.viewer"},
	"storage":         {"roles/storage.admin", "projects/" + project + "/roles/oktaPlan"},
	"logging":         {"roles/logging.configWriter", "projects/" + project + "/roles/oktaPlan"},
	"monitoring":      {"roles/monitoring.alertPolicyEditor", "roles/monitoring.viewer"},

	"monitoring_dashboard": {"roles/monitoring.dashboardEditor", "roles/monitoring.viewer"},

	"compute":   {"roles/compute.networkAdmin", "roles/compute.networkViewer"},
	"chronicle": {"roles/chronicle.admin", "roles/chronicle.viewer"},
}

// resources returns the types of resources in terraform/, each with the beginning that needed has of
// it, or "".
func resources(t *testing.T) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	kind := regexp.MustCompile(`(?m)^resource "google_(\w+)"`)
	err := filepath.WalkDir(filepath.Join(root, "terraform"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range kind.FindAllStringSubmatch(string(text), -1) {
			kinds[m[1]] = ""
			for beginning := range needed {
				if strings.HasPrefix(m[1]+"_", beginning+"_") && len(beginning) > len(kinds[m[1]]) {
					kinds[m[1]] = beginning
				}
			}
		}
		return err
	})
	if err != nil || len(kinds) < 10 {
		t.Fatalf("%v: %v", err, kinds)
	}
	return kinds
}

// TestDeployGuide_GrantsTheRolesThatApplyNeeds: the person of step 1.3 and Cloud Build's account
// get the same roles, and the account of the plan gets none that can change the project.
func TestDeployGuide_GrantsTheRolesThatApplyNeeds(t *testing.T) {
	t.Parallel()
	granted := map[string][]string{}
	commands := follow(t)
	for _, c := range commands {
		if slices.Contains(c, "add-iam-policy-binding") {
			granted[flag(c, "member")] = append(granted[flag(c, "member")], flag(c, "role"))
		}
	}
	service := func(name string) []string {
		return granted["serviceAccount:"+name+"@"+project+".iam.gserviceaccount.com"]
	}
	for _, role := range granted["user:YOUR_ADDRESS"] {
		if !slices.Contains(service("okta-apply"), role) {
			t.Errorf("okta-apply lacks %s", role)
		}
	}
	for kind, beginning := range resources(t) {
		roles, known := needed[beginning]
		if !known {
			t.Errorf("docs/deploy.md grants no role for google_%s: add it there, and here", kind)
		}
		for member, role := range map[string]string{
			"user:YOUR_ADDRESS": roles.apply,
			"serviceAccount:okta-plan@" + project + ".iam.gserviceaccount.com": roles.plan,
		} {
			if !slices.Contains(granted[member], role) {
				t.Errorf("%s lacks %s for google_%s", member, role, kind)
			}
		}
	}
	// Writing its log and creating plans are the only writes.
	reads := regexp.MustCompile(`^roles/(browser|iam\.securityReviewer|\w+\.\w*[vV]iewer)$`)
	writes := []string{"roles/logging.logWriter", "roles/storage.objectCreator"}
	for _, role := range service("okta-plan") {
		if !reads.MatchString(role) && !slices.Contains(append(writes, "projects/"+project+"/roles/oktaPlan"), role) {
			t.Errorf("okta-plan has %s", role)
		}
	}
	for _, c := range commands {
		if !slices.Contains(c, "roles") || flag(c, "permissions") == "" {
			continue
		}
		for permission := range strings.SplitSeq(flag(c, "permissions"), ",") {
			if !strings.HasSuffix(permission, ".get") && !strings.HasSuffix(permission, ".getIamPolicy") {
				t.Errorf("okta-plan has %s", permission)
			}
		}
	}
}

// TestDeployGuide_TriggersSetWhatTheBuildsRead: the triggers of docs/deploy.md give every
// substitution that a build has no value of, to the right account, with approval for the apply.
func TestDeployGuide_TriggersSetWhatTheBuildsRead(t *testing.T) {
	t.Parallel()
	triggers := 0
	for _, c := range follow(t) {
		if line := strings.Join(c, " "); !strings.HasPrefix(line, "gcloud builds triggers create ") {
			continue
		}
		triggers++
		file := flag(c, "build-config")
		set := map[string]bool{}
		for pair := range strings.SplitSeq(flag(c, "substitutions"), ",") {
			name, _, _ := strings.Cut(pair, "=")
			set[name] = true
		}
		b := load(t, file)
		for name := range set {
			if _, declared := b.Substitutions[name]; !declared {
				t.Errorf("%s does not declare %s", file, name)
			}
		}
		for name := range b.Substitutions {
			// The request of an apply gives those of the plan; one of the two callers is enough.
			if !set[name] && !strings.HasPrefix(name, "_PLAN_") && name != "_INVOKER" && name != "_CALLER_KEY" {
				t.Errorf("the trigger of %s does not set %s", file, name)
			}
		}
		want := map[string]string{"cloudbuild.yaml": "okta-plan@", "cloudbuild-apply.yaml": "okta-apply@"}[file]
		if account := flag(c, "service-account"); want == "" || !strings.Contains(account, "/"+want) {
			t.Errorf("%s runs as %s", file, account)
		}
		if approval := slices.Contains(c, "--require-approval"); approval != (file == "cloudbuild-apply.yaml") {
			t.Errorf("%s: approval %v", file, approval)
		}
	}
	if triggers != 2 {
		t.Errorf("%d triggers", triggers)
	}
}

// TestDeployGuide_KeysAreStoredAsDigests: no command stores a caller's key in the list of keys.
func TestDeployGuide_KeysAreStoredAsDigests(t *testing.T) {
	t.Parallel()
	text := guide(t)
	if strings.Contains(text, `"key":`) || strings.Count(text, `"sha256":`) != 3 {
		t.Error("the list of caller keys has a key, or lacks a digest")
	}
	for _, c := range follow(t) {
		if strings.Contains(strings.Join(c, " "), "canary") {
			t.Errorf("a secret is on a command line: %q", c)
		}
	}
}
