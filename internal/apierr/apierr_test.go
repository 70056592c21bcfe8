package apierr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.com/okta-secops/internal/apierr"
)

func TestAnErrorThatIsNoFaultKeepsItsTextInTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("canary")
	f := apierr.As(fmt.Errorf("doing x: %w", cause))
	if f.Kind != apierr.Internal || strings.Contains(f.Message, "canary") || !strings.Contains(f.Error(), "doing x: canary") || !errors.Is(f, cause) {
		t.Errorf("%+v", f)
	}
	if apierr.As(nil) != nil {
		t.Error("no error became a fault")
	}
}

func TestAFaultIsFoundInAChain(t *testing.T) {
	t.Parallel()
	want := apierr.New(apierr.NotFound, "E0000007", "no such user", nil)
	err := fmt.Errorf("reading the user again: %w", want)
	if apierr.As(err) != want || !apierr.Is(err, apierr.NotFound) || apierr.Is(err, apierr.Deadline) || apierr.Is(nil, apierr.Internal) {
		t.Errorf("%v", err)
	}
	if got := want.Error(); got != "E0000007: no such user" {
		t.Errorf("the text is %q", got)
	}
}

func TestOnlyWhatTimeCanCureIsRetryable(t *testing.T) {
	t.Parallel()
	for kind := apierr.Internal; kind <= apierr.UnknownResult; kind++ {
		want := kind == apierr.Unavailable || kind == apierr.Deadline || kind == apierr.Overloaded || kind == apierr.Conflict
		if got := apierr.New(kind, "", "", nil).Retryable(); got != want {
			t.Errorf("kind %d: %v", kind, got)
		}
	}
}

func TestAnInvalidRequestListsItsProblems(t *testing.T) {
	t.Parallel()
	for want, problems := range map[string][]apierr.Problem{
		"the request is not valid":       nil,
		"Limit: must be a number":        {{Parameter: "Limit", Message: "must be a number"}},
		"is empty":                       {{Message: "is empty"}},
		"2 problems: A: is odd; B: even": {{Parameter: "A", Message: "is odd"}, {Parameter: "B", Message: "even"}},
	} {
		if f := apierr.Invalid(problems...); f.Message != want || f.Kind != apierr.BadRequest || len(f.Problems) != len(problems) {
			t.Errorf("%+v, want %q", f, want)
		}
	}
}

func TestAGreatManyProblemsAreCutOff(t *testing.T) {
	t.Parallel()
	f := apierr.Invalid(make([]apierr.Problem, 100_000)...)
	if last := f.Problems[len(f.Problems)-1].Message; len(f.Problems) != 21 || last != "and 99980 more" {
		t.Errorf("%d problems, the last is %q", len(f.Problems), last)
	}
}
