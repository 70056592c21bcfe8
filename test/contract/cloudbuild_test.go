package contract_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCloudBuildRunsWhatIsPinned: an image by a name that may be another one tomorrow is not what was checked.
func TestCloudBuildRunsWhatIsPinned(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	images := regexp.MustCompile(`(?m)^    name: (\S+)$`).FindAllStringSubmatch(string(text), -1)
	pinned := regexp.MustCompile(`:\d+\.\d+\.\d+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$`)
	for _, image := range images {
		if !pinned.MatchString(image[1]) {
			t.Errorf("%s is not pinned", image[1])
		}
	}
	rest := string(text)
	for _, step := range []string{"terraform", "checks", "package", "fetch", "plan", "keep the plan", "apply", "key", "smoke test"} {
		_, after, found := strings.Cut(rest, "\n  - id: "+step+"\n")
		if !found {
			t.Errorf("the step %q is missing, or comes too early", step)
			continue
		}
		rest = after
	}
	if len(images) != 9 {
		t.Errorf("%d images", len(images))
	}
}
