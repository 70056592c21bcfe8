package terraform_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// forms has the documented form of each mocked value, by type and attribute.
var forms = map[string]map[string]string{
	// https://docs.cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts
	"google_service_account": {
		"id":     `projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/serviceAccounts/[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com`,
		"name":   `projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/serviceAccounts/[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com`,
		"email":  `[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com`,
		"member": `serviceAccount:[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com`,
	},
	// https://docs.cloud.google.com/resource-manager/reference/rest/v1/projects
	"google_project": {"number": `[0-9]{6,19}`},
}

// mockBlock is a mock of a type with its defaults, and mockDefault one default.
var (
	mockBlock   = regexp.MustCompile(`(?s)\nmock_(resource|data) "(\w+)" \{\n  defaults = \{\n(.*?)\n  \}\n\}`)
	mockDefault = regexp.MustCompile(`(?m)^    (\w+) += "(.*)"$`)
)

// The real provider validates some computed values when another resource refers to them. With it,
// terraform test passes only if the mocks have values in Google's form.
func TestTerraformMocks_HaveTheFormThatGoogleDocuments(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(tree, "testdata/google-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Resources   map[string]struct{ Attributes map[string][]any }
		DataSources map[string]struct{ Attributes map[string][]any } `json:"data_sources"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for _, mock := range mockBlock.FindAllStringSubmatch(mocks(t), -1) {
		attributes := schema.Resources[mock[2]].Attributes
		if mock[1] == "data" {
			attributes = schema.DataSources[mock[2]].Attributes
		}
		found[mock[2]] = map[string]string{}
		for _, line := range strings.Split(mock[3], "\n") {
			parts := mockDefault.FindStringSubmatch(line)
			if parts == nil {
				t.Fatalf("%s: %q is not a default that this test can read", mock[2], line)
			}
			name, value := parts[1], parts[2]
			found[mock[2]][name] = value
			if a := attributes[name]; len(a) != 2 || !strings.Contains(a[1].(string), "C") {
				t.Errorf("%s.%s is not computed by the provider", mock[2], name)
			}
			if form := forms[mock[2]][name]; form == "" || !regexp.MustCompile("^"+form+"$").MatchString(value) {
				t.Errorf("%s.%s is %q, want the form %q", mock[2], name, value, form)
			}
		}
	}
	for kind, attributes := range forms {
		for name := range attributes {
			if found[kind][name] == "" {
				t.Errorf("no mock gives %s.%s: terraform test would make up a random text", kind, name)
			}
		}
	}
	account := found["google_service_account"]
	if account["member"] != "serviceAccount:"+account["email"] || account["id"] != account["name"] ||
		!strings.HasSuffix(account["name"], "/"+account["email"]) {
		t.Errorf("the parts of the service account differ: %v", account)
	}
}

// mocks returns the text of all mocks. It fails if a test file has its own mocks, or none.
func mocks(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(filepath.Join(tree, "tests"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		switch {
		case strings.HasSuffix(path, ".tfmock.hcl"):
			all.WriteString("\n" + string(text))
		case !strings.Contains(string(text), "mock_provider \"google\" {\n  source = \"./tests/google\"\n}\n"),
			strings.Contains(string(text), "mock_resource"), strings.Contains(string(text), "override_"):
			t.Errorf("%s: mocks must be in tests/google only, and the file must use them", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
