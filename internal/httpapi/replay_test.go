package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/idempotency"
)

// rewritten alters the stored objects.
type rewritten struct {
	idempotency.Objects
	alter func(data []byte) []byte
}

// Write implements idempotency.Objects.
func (o rewritten) Write(ctx context.Context, name string, data []byte, instead int64, l idempotency.ObjectLabel) (int64, error) {
	return o.Objects.Write(ctx, name, o.alter(data), instead, l)
}

// TestReplay_ReadsRecordsWithoutATime: a record of an earlier version of the product does not say
// when the run ended.
func TestReplay_ReadsRecordsWithoutATime(t *testing.T) {
	t.Parallel()
	g, setup, results, _ := automated(func(context.Context, *action.Execution) (*action.Result, error) {
		return &action.Result{Message: "Done."}, nil
	})
	at := regexp.MustCompile(`"at":"[^"]*",`)
	found := false
	setup.Idempotency = idempotency.New(rewritten{&idempotency.Memory{}, func(data []byte) []byte {
		found = found || at.Match(data)
		return at.ReplaceAll(data, nil)
	}}, time.Now, idempotency.LeaseDuration)
	for range 2 {
		if w := pushed(t.Context(), g, setup, nil, delivery("m1", `{"action": "do-something"}`)); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	var first, second Reply
	if err := errors.Join(json.Unmarshal([]byte(results.messages[0]), &first), json.Unmarshal([]byte(results.messages[1]), &second)); err != nil {
		t.Fatal(err)
	}
	const text = "Replay of the request completed at an earlier time; nothing was done now. Done."
	if !found || second.Replayed == nil || second.Replayed.At != nil || second.Replayed.InvocationID != first.InvocationID || second.OutputMessage != text {
		t.Errorf("%s", results.messages[1])
	}
}

// TestReplay_StoresALargeReplyWithoutItsResults: a repeat does not run again because the reply is
// large.
func TestReplay_StoresALargeReplyWithoutItsResults(t *testing.T) {
	t.Parallel()
	runs := 0
	g, setup, results, _ := automated(func(context.Context, *action.Execution) (*action.Result, error) {
		runs++
		return &action.Result{Message: "Done.", JSON: strings.Repeat("x", 5<<20)}, nil
	})
	for range 2 {
		if w := pushed(t.Context(), g, setup, nil, delivery("m1", `{"action": "do-something"}`)); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	var reply Reply
	if err := json.Unmarshal([]byte(results.messages[1]), &reply); err != nil {
		t.Fatal(err)
	}
	if runs != 1 || reply.Replayed == nil || reply.JSONResult != nil || !strings.Contains(strings.Join(reply.Warnings, " "), "The JSON result and the enrichment of the first reply were too large to be stored.") {
		t.Errorf("%d runs: %.500s", runs, results.messages[1])
	}
}

// TestReplay_PublishesTheMissingDeadLetter: the first run could not publish it.
func TestReplay_PublishesTheMissingDeadLetter(t *testing.T) {
	t.Parallel()
	g, setup, _, dead := automated(func(_ context.Context, c *action.Execution) (*action.Result, error) {
		return c.Each(t.Context(), []string{"x"}, action.Words{Noun: "thing"}, func(context.Context, string) (action.Plan, error) {
			return action.Plan{}, apierr.New(apierr.WrongState, "wrong_state", "it cannot be", nil)
		})
	})
	setup.DeadLetters = broken{}
	m := delivery("m1", `{"action": "do-something"}`)
	if w := pushed(t.Context(), g, setup, nil, m); w.Code != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	setup.DeadLetters = dead
	for range 2 {
		if w := pushed(t.Context(), g, setup, nil, m); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if len(dead.messages) != 1 || strings.Contains(dead.messages[0], "Replay of") {
		t.Errorf("dead letters: %s", dead.messages)
	}
}

// TestReplay_OfAnotherMessageHasNoDeadLetter: two messages have one idempotency key.
func TestReplay_OfAnotherMessageHasNoDeadLetter(t *testing.T) {
	t.Parallel()
	keyed := func(id string) string {
		return strings.Replace(delivery(id, `{"action": "do-something"}`), `"messageId"`, `"attributes": {"idempotency_key": "k"}, "messageId"`, 1)
	}
	for _, c := range []struct {
		name     string
		down     bool // the first delivery's dead letter cannot be published
		messages []string
		want     int // dead letters
	}{
		{"another message", false, []string{"m1", "m2", "m2"}, 1},
		{"the same message", false, []string{"m1", "m1"}, 1},
		{"another message, letter owed", true, []string{"m1", "m2"}, 0},
		{"the same message, letter owed", true, []string{"m1", "m2", "m1", "m1"}, 1},
	} {
		runs := 0
		g, setup, _, dead := automated(func(_ context.Context, c *action.Execution) (*action.Result, error) {
			runs++
			return c.Each(t.Context(), []string{"x"}, action.Words{Noun: "thing"}, func(context.Context, string) (action.Plan, error) {
				return action.Plan{}, apierr.New(apierr.WrongState, "wrong_state", "it cannot be", nil)
			})
		})
		for i, id := range c.messages {
			setup.DeadLetters = dead
			want := http.StatusOK
			if c.down && i == 0 {
				setup.DeadLetters, want = broken{}, http.StatusServiceUnavailable
			}
			if w := pushed(t.Context(), g, setup, nil, keyed(id)); w.Code != want {
				t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			}
		}
		if len(dead.messages) != c.want || runs != 1 || strings.Contains(strings.Join(dead.messages, ""), `"message_id":"m2"`) {
			t.Errorf("%s: %d runs, dead letters: %s", c.name, runs, dead.messages)
		}
	}
}

// broken refuses every message.
type broken struct{}

// Publish implements Topic.
func (broken) Publish(context.Context, []byte, map[string]string) error { return errors.New("down") }
