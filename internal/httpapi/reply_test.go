package httpapi

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

func TestReply_StatusAndMessageOfEachKind(t *testing.T) {
	t.Parallel()
	for _, kind := range apierr.Kinds() {
		status := wantMeanings[kind].status
		got, reply, cause := buildReply(nil, nil, "some-path", &action.Result{}, apierr.New(kind, "code", "a sentence", nil))
		if got != status || reply.Error == nil || reply.Error.Code != "code" || reply.IsSuccess || cause.Kind != kind {
			t.Errorf("%s: %d %+v", kind, got, reply)
		}
		if want := `Error executing action "some-path". Reason: a sentence`; reply.OutputMessage != want {
			t.Errorf("%s: %q", kind, reply.OutputMessage)
		}
	}
}

// TestReply_PrimaryErrorOfSeveralTargets: a kind of an earlier rank is the cause, of one rank the
// first error.
func TestReply_PrimaryErrorOfSeveralTargets(t *testing.T) {
	t.Parallel()
	ranks := [][]apierr.Kind{
		{apierr.Deadline},
		{apierr.Unavailable, apierr.LimitReached, apierr.GuardrailUnavailable},
		{apierr.Credentials, apierr.NoPermission, apierr.InvalidResponse, apierr.UnknownResult},
		{apierr.Internal, apierr.Misconfigured},
		{
			apierr.BadRequest, apierr.Unauthenticated, apierr.Forbidden, apierr.UnknownAction, apierr.MethodNotAllowed,
			apierr.TooLarge, apierr.UnsupportedMedia, apierr.Conflict, apierr.Overloaded, apierr.NotConfigured,
			apierr.WrongState, apierr.Refused, apierr.Rejected,
		},
		{apierr.NotFound},
	}
	rankOf := map[apierr.Kind]int{}
	for rank, kinds := range ranks {
		for _, k := range kinds {
			rankOf[k] = rank
		}
	}
	for _, a := range apierr.Kinds() {
		for _, b := range apierr.Kinds() {
			rankA, okA := rankOf[a]
			rankB, okB := rankOf[b]
			want := a
			if rankB < rankA {
				want = b
			}
			got := primaryError([]*apierr.Error{apierr.New(a, "", "", nil), apierr.New(b, "", "", nil)})
			if got.Kind != want || !okA || !okB {
				t.Errorf("of %s and %s: %s, want %s", a, b, got.Kind, want)
			}
		}
	}
}

func TestReply_RetryAfterIsTheLongestWait(t *testing.T) {
	t.Parallel()
	for want, waits := range map[string][]time.Duration{
		"5": {0}, "1": {time.Millisecond}, "2": {time.Second, 1500 * time.Millisecond}, "37": {37 * time.Second, 0},
	} {
		var errs []*apierr.Error
		for _, w := range waits {
			errs = append(errs, &apierr.Error{Kind: apierr.Unavailable, RetryAfter: w})
		}
		if got := retryAfter(errs); got != want {
			t.Errorf("%v: %s, want %s", waits, got, want)
		}
	}
}

// TestReply_IsEncodedAsByThePackage compares with encoding/json, which takes more memory.
func TestReply_IsEncodedAsByThePackage(t *testing.T) {
	t.Parallel()
	many := Reply{Status: action.StatusPartial, OutputMessage: "<&>\u2028", JSONResult: action.KeyedResults{{Input: "b", Value: []byte(`{"x": "<a>"}`)}, {Input: "a", Value: []byte("1")}}}
	for i := range 100 {
		many.Targets = append(many.Targets, &action.Target{
			Mention: action.Mention{Input: strings.Repeat("<\u00e9\n", i), Source: "parameter"}, After: action.State{"status": "ACTIVE", "roles": []string{"<x>"}},
			Undo: &action.Undo{Action: "Enable User", Parameters: map[string]any{"Is Activate": false}},
		})
	}
	many.Entities = []action.EnrichedEntity{{Entity: action.Entity{Identifier: "<A>", Type: action.UserEntity}, Enrichment: map[string]string{"k": "<v>"}}}
	many.Warnings, many.Replayed = []string{"one", "two"}, &Replayed{InvocationID: "1"}
	many.UndoRequests, many.NotUndoable = []action.UndoRequest{}, []action.NotUndoable{{Target: "t", Reason: "r"}}
	for name, r := range map[string]Reply{
		"zero": {}, "many": many, "empty lists": {Entities: []action.EnrichedEntity{}, Targets: []*action.Target{}, Warnings: []string{}},
		"an error": {Org: "o", Error: &ReplyError{Code: "c"}, JobStatus: "running", Job: &JobState{ID: "1"}, Progress: &Progress{Targets: 2}},
	} {
		want, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.encode()
		if diff := cmp.Diff(string(want), string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for name, r := range map[string]Reply{"a result": {JSONResult: math.NaN()}, "a state": {Targets: []*action.Target{{After: action.State{"x": math.Inf(1)}}}}} {
		if got, err := r.encode(); err == nil {
			t.Errorf("%s is encoded as %s", name, got)
		}
	}
}
