package buildinfo_test

import (
	"regexp"
	"strings"
	"testing"

	"example.com/okta-secops/internal/buildinfo"
)

func TestVersion_BeginsWithTheRelease(t *testing.T) {
	t.Parallel()
	release := buildinfo.Release()
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(release) {
		t.Errorf("VERSION has %q, want a version such as 0.1.0", release)
	}
	if version := buildinfo.Version(); version != release && !strings.HasPrefix(version, release+" ") {
		t.Errorf("the version is %q, want %s and a revision", version, release)
	}
}
