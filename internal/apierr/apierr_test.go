package apierr_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/okta-secops/internal/apierr"
)

func TestAs_OtherErrorsKeepTheirTextInTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("canary")
	f := apierr.As(fmt.Errorf("doing x: %w", cause))
	if f.Kind != apierr.Internal || strings.Contains(f.Message, "canary") || !strings.Contains(f.Error(), "doing x: canary") || !errors.Is(f, cause) {
		t.Errorf("%+v", f)
	}
	if apierr.As(nil) != nil {
		t.Error("As(nil) is not nil")
	}
}

func TestAs_FindsTheErrorInAChain(t *testing.T) {
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

// TestKind_EachRowIsComplete checks what holds for every row of the table. The values themselves
// are tested in package httpapi, over the handler.
func TestKind_EachRowIsComplete(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, kind := range apierr.Kinds() {
		m := kind.Meaning()
		if m.Name == "" || names[m.Name] || kind.String() != m.Name {
			t.Errorf("kind %d: the name %q is empty or not unique", kind, m.Name)
		}
		names[m.Name] = true
		if http.StatusText(m.HTTPStatus) == "" || m.HTTPStatus < 400 || m.Outcome == "" || m.Rank == 0 || m.Weight == 0 {
			t.Errorf("%s: a column is empty: %+v", kind, m)
		}
		if m.Retryable && !m.Redeliver {
			t.Errorf("%s: it is retryable, but its message is not delivered again", kind)
		}
	}
	// The worst outcome of a target's roles is that of the target; of failures, one that can be retried.
	weights := map[string]int{"not_found": 1, "wrong_state": 2, "refused": 3, "failed": 4}
	for _, kind := range apierr.Kinds() {
		m := kind.Meaning()
		want := weights[m.Outcome]
		if m.Retryable {
			want++
		}
		if m.Weight != want {
			t.Errorf("%s: the weight is %d, want %d", kind, m.Weight, want)
		}
	}
	if len(names) != int(apierr.GuardrailUnavailable)+1 {
		t.Errorf("%d kinds", len(names))
	}
}

func TestInvalid_ListsTheProblems(t *testing.T) {
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

func TestInvalid_ListsAtMost20Problems(t *testing.T) {
	t.Parallel()
	f := apierr.Invalid(make([]apierr.Problem, 100_000)...)
	if last := f.Problems[len(f.Problems)-1].Message; len(f.Problems) != 21 || last != "and 99980 more" {
		t.Errorf("%d problems, the last is %q", len(f.Problems), last)
	}
}
