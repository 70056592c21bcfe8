package pubsub

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// pushed is the body of a delivery, decoded independently.
type pushed struct {
	Message struct {
		Data        []byte
		Attributes  map[string]string
		MessageID   string `json:"messageId"`
		PublishTime time.Time
	}
	Subscription    string
	DeliveryAttempt int
}

// deliveries starts a Broker whose function responds with these statuses in order, and then always
// with the last one. arrived receives a value for each delivery.
func deliveries(t *testing.T, statuses ...int) (b *Broker, arrived <-chan struct{}, seen func() []pushed) {
	t.Helper()
	var mu sync.Mutex
	var all []pushed
	arrivals := make(chan struct{}, 1000)
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var p pushed
		if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &p) != nil ||
			r.Header.Get("Content-Type") != "application/json" || r.URL.Path != "/users/pubsub" {
			t.Errorf("%s %s %v", r.URL, body, err)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(statuses[min(len(all), len(statuses)-1)])
		all = append(all, p)
		arrivals <- struct{}{}
	}))
	t.Cleanup(function.Close)
	b, err := Start(Options{
		Addr: "127.0.0.1:0", Functions: function.URL, Speed: 10_000, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, arrivals, func() []pushed {
		mu.Lock()
		defer mu.Unlock()
		return append([]pushed(nil), all...)
	}
}

func publish(t *testing.T, b *Broker, data string) string {
	t.Helper()
	id, err := Publish(t.Context(), b.Addr, "users", []byte(data), map[string]string{"action": "Get User"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A redirect is not an acknowledgement, and it is not followed.
func TestBroker_RedeliversUntilDeadLetter(t *testing.T) {
	t.Parallel()
	b, _, seen := deliveries(t, 500, 429, 404, 302, 503)
	id := publish(t, b, "{}")
	var dead Message
	take := func(m Message) bool { dead = m; return false }
	if err := Follow(t.Context(), b.Addr, DeadLetterSubscription, take); err != nil {
		t.Fatal(err)
	}
	all := seen()
	if len(all) != MaxDeliveries {
		t.Errorf("%d deliveries", len(all))
	}
	for i, p := range all {
		if p.Message.MessageID != id || string(p.Message.Data) != "{}" || p.Message.Attributes["action"] != "Get User" ||
			p.DeliveryAttempt != i+1 ||
			p.Subscription != "projects/local/subscriptions/okta-users" || p.Message.PublishTime.IsZero() {
			t.Errorf("%+v", p)
		}
	}
	if string(dead.Data) != "{}" || dead.Attributes["action"] != "Get User" ||
		dead.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] != "20" ||
		dead.Attributes["CloudPubSubDeadLetterSourceSubscription"] != "okta-users" {
		t.Errorf("%+v", dead)
	}
}

func TestBroker_DoesNotRedeliverAcknowledged(t *testing.T) {
	t.Parallel()
	for _, status := range ackStatuses {
		if status == http.StatusProcessing {
			continue // net/http cannot send it as the final status
		}
		b, arrived, seen := deliveries(t, 500, status, 500)
		publish(t, b, "first")
		<-arrived
		<-arrived
		publish(t, b, "second")
		if err := Follow(t.Context(), b.Addr, DeadLetterSubscription, func(Message) bool { return false }); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, p := range seen() {
			if string(p.Message.Data) == "first" {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%d: %d deliveries", status, n)
		}
	}
}

func TestBackoff_DoublesUpToMaximum(t *testing.T) {
	t.Parallel()
	var total time.Duration
	for attempts, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second,
		6: 320 * time.Second, 7: 600 * time.Second, MaxDeliveries: 600 * time.Second} {
		if got := redeliveryPause(attempts); got != want {
			t.Errorf("after %d: %s, want %s", attempts, got, want)
		}
	}
	for attempts := range MaxDeliveries - 1 {
		total += redeliveryPause(attempts + 1)
	}
	if total < 2*time.Hour || total > 3*time.Hour || total > Retention {
		t.Errorf("a message becomes a dead letter after %s", total)
	}
}

func TestStart_FailsIfAddressIsInUse(t *testing.T) {
	t.Parallel()
	b, _, _ := deliveries(t, 200)
	if _, err := Start(Options{Addr: b.Addr}); err == nil {
		t.Error("two brokers listen on one address")
	}
}
