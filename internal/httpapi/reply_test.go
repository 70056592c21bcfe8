package httpapi

import (
	"testing"
	"time"

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
