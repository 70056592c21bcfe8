package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

func TestStatus_DerivesFromTargets(t *testing.T) {
	t.Parallel()
	for targets, want := range map[string]struct{ real, dry action.Status }{
		"":                      {action.StatusSuccess, action.StatusSuccess},
		"changed":               {action.StatusSuccess, action.StatusPlanned},
		"unchanged":             {action.StatusSuccess, action.StatusPlanned},
		"changed unchanged":     {action.StatusSuccess, action.StatusPlanned},
		"not_found":             {action.StatusFailure, action.StatusFailure},
		"wrong_state":           {action.StatusFailure, action.StatusFailure},
		"refused":               {action.StatusFailure, action.StatusFailure},
		"not_found wrong_state": {action.StatusFailure, action.StatusFailure},
		"changed not_found":     {action.StatusPartial, action.StatusPartial},
		"unchanged refused":     {action.StatusPartial, action.StatusPartial},
		"failed":                {action.StatusFailure, action.StatusPlanned}, // only the write fails
		"changed failed":        {action.StatusPartial, action.StatusPlanned},
		"half":                  {action.StatusPartial, action.StatusPlanned}, // something was changed
		"half failed":           {action.StatusPartial, action.StatusPlanned},
	} {
		for _, dryRun := range []bool{false, true} {
			result, err := each(t, t.Context(), deps(), action.Options{DryRun: dryRun}, true, strings.Fields(targets), byName)
			if err != nil {
				t.Fatal(err)
			}
			status := want.real
			if dryRun {
				status = want.dry
			}
			if got := result.Status(); got != status {
				t.Errorf("%q, dry run %v: %s, want %s", targets, dryRun, got, status)
			}
		}
	}
	for targets, want := range map[string]action.Status{
		"found": action.StatusSuccess, "found not_found": action.StatusPartial, "not_found": action.StatusFailure,
	} {
		for _, dryRun := range []bool{false, true} { // a read is the same in a dry run
			result, err := each(t, t.Context(), deps(), action.Options{DryRun: dryRun}, false, strings.Fields(targets), byName)
			if err != nil || result.Status() != want {
				t.Errorf("reading %q: %s (%v), want %s", targets, result.Status(), err, want)
			}
		}
	}
}

func TestMessage_ReportsEveryTarget(t *testing.T) {
	t.Parallel()
	result, err := each(t, t.Context(), deps(), action.Options{}, true,
		strings.Fields("not_found1 failed1 wrong_state1 changed1 refused1 unchanged1 changed2 wrong_state2 half1 not_found2"), byName)
	if err != nil {
		t.Fatal(err)
	}
	want := "Changed 2 groups: changed1, changed2. Left alone: unchanged1. Not done: wrong_state1, wrong_state2: it is odd. " +
		"Refused: refused1: it is protected. Failed: failed1: Okta refused it. Failed: half1: Okta refused the rest. Not found: not_found1, not_found2."
	if diff := cmp.Diff(want, result.Message); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	result, err = each(t, t.Context(), deps(), action.Options{DryRun: true}, true, strings.Fields("changed unchanged"), byName)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("Left alone: unchanged. Would change 1 group: changed.", result.Message); diff != "" {
		t.Errorf("message of a dry run (-want +got):\n%s", diff)
	}
}

func TestMessage_TargetWithItsOwnSentence(t *testing.T) {
	t.Parallel()
	result, err := each(t, t.Context(), deps(), action.Options{}, true, []string{"a", "b", "c", "d"}, func(_ context.Context, name string) (action.Plan, error) {
		if name == "b" {
			return action.Plan{Message: "b had it."}, nil
		}
		return action.Plan{Write: func(context.Context, *okta.Client) (action.WriteResult, error) {
			if name == "c" {
				return action.WriteResult{Message: "c: one, not two."}, apierr.New(apierr.Rejected, "E1", "Okta refused it", nil)
			}
			return action.WriteResult{Message: name + " has it."}, nil
		}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a has it. d has it. b had it. c: one, not two.", result.Message); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestMessage_EnumerateShowsFiftyNames(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 52 {
		names = append(names, fmt.Sprint(i))
	}
	if got := action.Enumerate(names[:50]); !strings.HasSuffix(got, ", 49") {
		t.Errorf("fifty names: %s", got)
	}
	if got := action.Enumerate(names); !strings.HasSuffix(got, ", 49 and 2 more") {
		t.Errorf("fifty-two names: %s", got)
	}
	for n, want := range map[int]string{0: "0 users", 1: "1 user", 2: "2 users"} {
		if got := action.Count(n, "user"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestResult_IsKeyedByInputInOrder(t *testing.T) {
	t.Parallel()
	result, err := each(t, t.Context(), deps(), action.Options{}, false, []string{"z", `<"a">&`, "m"}, func(_ context.Context, name string) (action.Plan, error) {
		return action.Plan{Value: json.RawMessage(`{"b": "<&>",  "a": 1.50}`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := result.JSON.(action.KeyedResults).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const object = `{"b":"<&>","a":1.50}`
	if diff := cmp.Diff(`{"z":`+object+`,"<\"a\">&":`+object+`,"m":`+object+`}`, string(got)); diff != "" {
		t.Errorf("json_result (-want +got):\n%s", diff)
	}
	if values := result.Values(); len(values) != 3 || string(values[0]) != object {
		t.Errorf("values are %s", values)
	}
	if only, ok := result.Only().(json.RawMessage); !ok || string(only) != object {
		t.Errorf("the only value is %v", result.Only())
	}
	empty := &action.Result{}
	if empty.Only() != nil || empty.Values() == nil || len(empty.Values()) != 0 {
		t.Error("a result without values has some")
	}
}

func TestResult_StopsAt10MB(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 3<<20)
	result, err := each(t, t.Context(), deps(), action.Options{}, false, []string{"1", "2", "3", "4", "5"}, func(context.Context, string) (action.Plan, error) {
		return action.Plan{Value: big}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(result.Values()); n != 3 || len(result.Targets) != 5 {
		t.Errorf("%d values of %d targets, want 3 of 5", n, len(result.Targets))
	}
	if diff := cmp.Diff([]string{"The JSON result has 3 of 5 targets: a reply is limited to 10 MB. Request fewer targets at a time."}, result.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestResult_OneHugeObject: a single object gets a warning without advice to request fewer.
func TestResult_OneHugeObject(t *testing.T) {
	t.Parallel()
	result, err := each(t, t.Context(), deps(), action.Options{}, false, []string{"1"}, func(context.Context, string) (action.Plan, error) {
		return action.Plan{Value: strings.Repeat("x", 11<<20)}, nil
	})
	if err != nil || result.JSON != nil {
		t.Fatalf("%v, %v", result.JSON, err)
	}
	if diff := cmp.Diff([]string{"The JSON result is empty: the object exceeds the size limit of a reply, 10 MB."}, result.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestResult_ListIsCountedAndWarnsIfIncomplete(t *testing.T) {
	t.Parallel()
	a := action.Define(action.Spec{Name: "List Them", Summary: "List."}, func(_ context.Context, x *action.Execution, _ struct{}) (*action.Result, error) {
		return x.ListResult(okta.List{Items: []json.RawMessage{[]byte(`{"id": "1"}`)}, Cut: true}, "provider"), nil
	})
	inv, _ := a.Bind(action.Request{})
	result, err := inv.Run(t.Context(), deps(), action.Run{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Message != "Found 1 provider." || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "The list is incomplete") {
		t.Errorf("%q, warnings %q", result.Message, result.Warnings)
	}
}

func TestOutcomeOf_EachKindOfError(t *testing.T) {
	t.Parallel()
	for _, kind := range apierr.Kinds() {
		want := action.Failed
		switch kind {
		case apierr.NotFound:
			want = action.NotFound
		case apierr.WrongState:
			want = action.WrongState
		case apierr.Refused, apierr.LimitReached, apierr.GuardrailUnavailable:
			want = action.Refused
		}
		if got := action.OutcomeOf(fmt.Errorf("reading: %w", apierr.New(kind, "code", "message", nil))); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	e := action.NewTargetError(errors.New("canary: dial tcp"))
	if diff := cmp.Diff(&action.TargetError{Code: "internal", Message: "an unexpected error occurred"}, e); diff != "" {
		t.Errorf("another error (-want +got):\n%s", diff)
	}
}

func TestMessage_FailureText(t *testing.T) {
	t.Parallel()
	plain := action.Action{Spec: action.Spec{Name: "Disable User"}}
	if got := plain.FailureText("no."); got != `Error executing action "Disable User". Reason: no.` {
		t.Error(got)
	}
	own := action.Action{Spec: action.Spec{Name: "Send ITP Signal", Failure: "Failed to send the ITP signal to Okta. Error is "}}
	if got := own.FailureText("no."); got != "Failed to send the ITP signal to Okta. Error is no." {
		t.Error(got)
	}
}
