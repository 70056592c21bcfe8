package serve

import (
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/fault"
)

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.BadRequest: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.UnknownAction: 404,
		fault.MethodNotAllowed: 405, fault.TooLarge: 413, fault.UnsupportedMedia: 415, fault.Conflict: 409, fault.Overloaded: 429, fault.Misconfigured: 500,
		fault.NotFound: 422, fault.WrongState: 422, fault.Refused: 422, fault.Rejected: 422, fault.Unavailable: 503,
		fault.Deadline: 504, fault.Credentials: 502, fault.Nonsense: 502, fault.UnknownResult: 502,
	}
	if len(want) != int(fault.UnknownResult)+1 {
		t.Error("a kind of fault has no status here")
	}
	for kind, status := range want {
		got, reply, cause := assemble(nil, "some-path", &action.Result{}, fault.New(kind, "code", "a sentence", nil))
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
	order := []fault.Kind{fault.Deadline, fault.Unavailable, fault.Credentials, fault.Internal, fault.WrongState, fault.NotFound}
	for i, first := range order {
		for _, second := range order[i:] {
			for _, kinds := range [][]fault.Kind{{first, second}, {second, first}} {
				var faults []*fault.Error
				for _, k := range kinds {
					faults = append(faults, fault.New(k, "", "", nil))
				}
				if got := decisive(faults); got.Kind != first {
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
		var faults []*fault.Error
		for _, w := range waits {
			faults = append(faults, &fault.Error{Kind: fault.Unavailable, RetryAfter: w})
		}
		if got := retryAfter(faults); got != want {
			t.Errorf("%v: %s, want %s", waits, got, want)
		}
	}
}
