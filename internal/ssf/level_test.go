package ssf

import "testing"

func TestLevel_PreviousIsOneLower(t *testing.T) {
	t.Parallel()
	for level, want := range map[Level]Level{"high": "medium", "medium": "low", "low": "none"} {
		if got := level.previous(); got != want {
			t.Errorf("%s.previous() = %s, want %s", level, got, want)
		}
	}
}

func TestParseLevel_KnowsTheSeveritiesOfOthers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		level   Level
		warning string
	}{
		"low": {"low", ""}, "Medium": {"medium", ""}, "HIGH": {"high", ""},
		"Critical":      {"high", "Okta has no severity critical: high is sent"},
		"INFORMATIONAL": {"low", "Okta has no severity informational: low is sent"},
		"informative":   {"low", "Okta has no severity informative: low is sent"},
		"none":          {"low", "Okta has no severity none: low is sent"},
	} {
		if level, warning, err := ParseLevel(text); level != want.level || warning != want.warning || err != nil {
			t.Errorf("%s: %s, %q, %v", text, level, warning, err)
		}
	}
	for _, text := range []string{"", "severe", "3"} {
		if _, _, err := ParseLevel(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
