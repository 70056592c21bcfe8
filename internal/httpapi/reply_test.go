package httpapi

import (
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[apierr.Kind]int{
		apierr.Internal: 500, apierr.BadRequest: 400, apierr.Unauthenticated: 401, apierr.Forbidden: 403, apierr.UnknownAction: 404,
		apierr.MethodNotAllowed: 405, apierr.TooLarge: 413, apierr.UnsupportedMedia: 415, apierr.Conflict: 409, apierr.Overloaded: 429, apierr.Misconfigured: 500,
		apierr.NotFound: 422, apierr.WrongState: 422, apierr.Refused: 422, apierr.Rejected: 422, apierr.Unavailable: 503,
		apierr.Deadline: 504, apierr.Credentials: 502, apierr.InvalidResponse: 502, apierr.UnknownResult: 502,
	}
	if len(want) != int(apierr.UnknownResult)+1 {
		t.Error("a kind of fault has no status here")
	}
	for kind, status := range want {
		got, reply, cause := buildReply(nil, "some-path", &action.Result{}, apierr.New(kind, "code", "a sentence", nil))
		if got != status || reply.Error == nil || reply.Error.Code != "code" || reply.IsSuccess || cause.Kind != kind {
			t.Errorf("kind %d: %d %+v", kind, got, reply)
		}
		if want := `Error executing action "some-path". Reason: a sentence`; reply.OutputMessage != want {
			t.Errorf("kind %d: %q", kind, reply.OutputMessage)
		}
	}
}

func TestTheFaultThatSpeaksForAll(t *testing.T) {
	t.Parallel()
	order := []apierr.Kind{apierr.Deadline, apierr.Unavailable, apierr.Credentials, apierr.Internal, apierr.WrongState, apierr.NotFound}
	for i, first := range order {
		for _, second := range order[i:] {
			for _, kinds := range [][]apierr.Kind{{first, second}, {second, first}} {
				var faults []*apierr.Error
				for _, k := range kinds {
					faults = append(faults, apierr.New(k, "", "", nil))
				}
				if got := primaryError(faults); got.Kind != first {
					t.Errorf("of %v, kind %d speaks", kinds, got.Kind)
				}
			}
		}
	}
}

func TestRetryAfterIsTheLongestWait(t *testing.T) {
	t.Parallel()
	for want, waits := range map[string][]time.Duration{
		"5": {0}, "1": {time.Millisecond}, "2": {time.Second, 1500 * time.Millisecond}, "37": {37 * time.Second, 0},
	} {
		var faults []*apierr.Error
		for _, w := range waits {
			faults = append(faults, &apierr.Error{Kind: apierr.Unavailable, RetryAfter: w})
		}
		if got := retryAfter(faults); got != want {
			t.Errorf("%v: %s, want %s", waits, got, want)
		}
	}
}
