package ssf

import "testing"

func TestLevel_PreviousIsOneLower(t *testing.T) {
	t.Parallel()
	for level, want := range map[Level]Level{"high": "medium", "medium": "low", "low": "none"} {
		if got := level.Previous(); got != want {
			t.Errorf("%s.Previous() = %s, want %s", level, got, want)
		}
	}
}
