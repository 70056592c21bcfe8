package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/audit"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/internal/idempotency"
)

// topic keeps the published messages.
type topic struct {
	mu       sync.Mutex
	messages []string
}

// Publish implements Topic.
func (p *topic) Publish(_ context.Context, data []byte, _ map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, string(data))
	return nil
}

// automated returns a group of one action that changes something, with its topics.
func automated(run func(ctx context.Context, c *action.Execution) (*action.Result, error)) (g action.Group, setup Setup, results, dead *topic) {
	log := slog.New(slog.DiscardHandler)
	a := action.Define(action.Spec{Name: "Do Something", Summary: "Does something.", Mutates: true, Category: action.UpdatesIdentity}, func(ctx context.Context, c *action.Execution, _ noParams) (*action.Result, error) {
		return run(ctx, c)
	})
	results, dead = &topic{}, &topic{}
	return action.Group{Name: "things", Function: "OktaThings", Actions: []action.Action{a}}, Setup{
		Push: callerFunc(allowAny), Deadline: time.Minute, Log: log, InFlight: NewInFlightLimiter(2), Idempotency: idempotency.New(&idempotency.Memory{}, time.Now, idempotency.LeaseDuration),
		Audit: audit.New(func() *slog.Logger { return log }, "", false), Results: results, DeadLetters: dead,
		Deps: func(context.Context) (action.Deps, error) {
			return action.Deps{MaxTargets: 1, Workers: 1, Log: log, Now: time.Now, Guardrails: action.NewGuardrails(nil, guardrail.NewCounter(&guardrail.Memory{}, time.Now))}, nil
		},
	}, results, dead
}

// pushed returns the response to a delivery.
func pushed(ctx context.Context, g action.Group, setup Setup, header http.Header, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/pubsub", strings.NewReader(body))
	r.Header = header
	Handler(g, []action.Group{g}, keep(setup)).ServeHTTP(w, r)
	return w
}

func delivery(id, data string) string {
	return fmt.Sprintf(`{"message": {"messageId": %q, "data": %q}}`, id, base64.StdEncoding.EncodeToString([]byte(data)))
}

// bounded refuses attributes that Pub/Sub refuses.
type bounded struct{ topic }

// Publish implements Topic.
func (b *bounded) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	for name, value := range attributes {
		if len(value) > 1024 {
			return errors.New("the value of " + name + " is too long")
		}
	}
	return b.topic.Publish(ctx, data, attributes)
}

func TestPush_LongAttributesAreShortened(t *testing.T) {
	t.Parallel()
	g, setup, _, _ := automated(func(context.Context, *action.Execution) (*action.Result, error) { return &action.Result{}, nil })
	var results, dead bounded
	setup.Results, setup.DeadLetters = &results, &dead
	long := strings.Repeat("x", 5000)
	w := pushed(t.Context(), g, setup, nil, delivery(long, `{"action": "`+long+`", "context": {"case_id": "`+long+`"}}`))
	if w.Code != http.StatusOK || len(results.messages) != 1 || len(dead.messages) != 1 {
		t.Errorf("%d %s, %d results, %d dead letters", w.Code, w.Body, len(results.messages), len(dead.messages))
	}
}

func TestPush_LargeResultIsPublishedWithoutItsJSON(t *testing.T) {
	t.Parallel()
	g, setup, results, _ := automated(func(context.Context, *action.Execution) (*action.Result, error) {
		large := strings.Repeat("x", 9<<20)
		return &action.Result{Message: "Done.", JSON: large, Entities: []action.EnrichedEntity{{Enrichment: map[string]string{"profile": large}}}}, nil
	})
	if w := pushed(t.Context(), g, setup, nil, delivery("m1", `{"action": "do-something"}`)); w.Code != http.StatusOK || w.Body.Len() < 9<<20 {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	var reply Reply
	if len(results.messages) != 1 || json.Unmarshal([]byte(results.messages[0]), &reply) != nil || len(results.messages[0]) > 1000 {
		t.Fatalf("%d results", len(results.messages))
	}
	if reply.JSONResult != nil || len(reply.Entities) > 0 || reply.OutputMessage != "Done." || len(reply.Warnings) != 1 || !strings.Contains(reply.Warnings[0], "too large for a message") {
		t.Errorf("%s", results.messages[0])
	}
}

// TestPush_RunWithoutItsLeasePublishesNothing: a run ends after another run has taken over its
// lease.
func TestPush_RunWithoutItsLeasePublishesNothing(t *testing.T) {
	t.Parallel()
	var objects idempotency.Memory
	var g action.Group
	var setup, second Setup
	var results, dead *topic
	m := delivery("m1", `{"action": "do-something"}`)
	runs := 0
	g, setup, results, dead = automated(func(ctx context.Context, _ *action.Execution) (*action.Result, error) {
		if runs++; runs == 1 {
			if w := pushed(ctx, g, second, nil, m); w.Code != http.StatusOK {
				t.Errorf("the second run: %d %s", w.Code, w.Body)
			}
			return &action.Result{Message: "The first."}, nil
		}
		return &action.Result{Message: "The second."}, nil
	})
	setup.Idempotency = idempotency.New(&objects, time.Now, idempotency.LeaseDuration)
	second = setup
	second.Idempotency = idempotency.New(&objects, func() time.Time { return time.Now().Add(2 * idempotency.LeaseDuration) }, idempotency.LeaseDuration)
	if w := pushed(t.Context(), g, setup, nil, m); w.Code != http.StatusServiceUnavailable {
		t.Errorf("the first: %d %s", w.Code, w.Body)
	}
	if w := pushed(t.Context(), g, setup, nil, m); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "The second.") || runs != 2 {
		t.Errorf("again: %d %s after %d runs", w.Code, w.Body, runs)
	}
	for _, result := range results.messages {
		if !strings.Contains(result, "The second.") {
			t.Errorf("published: %s", result)
		}
	}
	if len(results.messages) != 2 || len(dead.messages) != 0 {
		t.Errorf("%d results, %d dead letters", len(results.messages), len(dead.messages))
	}
}

// FuzzDelivery checks that each delivery is acknowledged, and either carried out or published as a
// dead letter, and that data that is not a request is not shown.
func FuzzDelivery(f *testing.F) {
	for _, data := range []string{"", "{", `{"action": "do-something"}`, `{"action": "Do Something", "parameters": {"x": "secret-canary"}}`, `["secret-canary"]`} {
		f.Add("application/json", "", []byte(delivery("m1", data)))
		f.Add("application/json", published, []byte(delivery("m1", data)))
		f.Add("application/cloudevents+json", "", []byte(`{"specversion": "1.0", "id": "e", "source": "s", "type": "`+published+`", "data": `+delivery("m1", data)+`}`))
	}
	f.Add("application/cloudevents-batch+json", "", []byte(`[{}]`))
	f.Add("application/cloudevents+json", "", []byte(`{"specversion": "0.3", "data_base64": "secret-canary"}`))
	f.Add("text/plain", published, []byte(`{"message": {"data": "secret-canary"}}`))
	f.Add("", "", []byte(`{"message": {"data": "e30=", "attributes": {"action": "do-something", "idempotency_key": "k"}}}`))
	f.Fuzz(func(t *testing.T, contentType, eventType string, body []byte) {
		runs := 0
		g, setup, results, dead := automated(func(context.Context, *action.Execution) (*action.Result, error) {
			runs++
			return &action.Result{Message: "Done."}, nil
		})
		header := http.Header{"Content-Type": {contentType}}
		if eventType != "" {
			header["Ce-Id"], header["Ce-Source"], header["Ce-Specversion"], header["Ce-Type"] = []string{"e"}, []string{"s"}, []string{"1.0"}, []string{eventType}
		}
		w := pushed(t.Context(), g, setup, header, string(body))
		if w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if len(results.messages) != 1 || len(dead.messages) != 1-runs || runs > 1 {
			t.Errorf("%d results, %d dead letters after %d runs", len(results.messages), len(dead.messages), runs)
		}
		if strings.Contains(strings.Join(dead.messages, "")+w.Body.String(), "secret-canary") {
			t.Errorf("%s %s", dead.messages, w.Body)
		}
	})
}

func TestPush_TruncatedDeliveryIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	g, setup, results, dead := automated(func(context.Context, *action.Execution) (*action.Result, error) { return &action.Result{}, nil })
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/pubsub", io.MultiReader(strings.NewReader(`{"message": `), cut{}))
	Handler(g, []action.Group{g}, keep(setup)).ServeHTTP(w, r)
	if w.Code/100 == 2 || len(results.messages)+len(dead.messages) > 0 {
		t.Errorf("%d %s, %d results, %d dead letters", w.Code, w.Body, len(results.messages), len(dead.messages))
	}
}

// cut is the end of a truncated body.
type cut struct{}

// Read implements io.Reader.
func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
