package testkit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"example.com/okta-secops/local/pubsub"
)

// startBroker starts a Pub/Sub whose backoff is a thousandth of the service's.
func (s *System) startBroker() (*pubsub.Broker, error) {
	return pubsub.Start(pubsub.Options{Addr: "127.0.0.1:0", Functions: s.URL, Speed: 1000, Log: slog.New(slog.DiscardHandler)})
}

// Message is a Pub/Sub message as a push subscription delivers it.
type Message struct {
	ID         string
	Attributes map[string]string
	Data       string
}

// Delivery returns the body of the push request.
func (m Message) Delivery() string {
	body, err := json.Marshal(map[string]any{
		"message":      map[string]any{"messageId": m.ID, "message_id": m.ID, "publishTime": Now, "attributes": m.Attributes, "data": []byte(m.Data)},
		"subscription": "projects/local/subscriptions/test",
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// Push delivers a message to a group.
func (w *World) Push(group string, m Message) Reply {
	w.t.Helper()
	w.canaries.given(m.Data)
	return w.Do(http.MethodPost, group+"/pubsub", m.Delivery(), nil)
}

// Published returns the messages that the product published to a topic.
func (w *World) Published(topic string) []pubsub.Message {
	if w.Broker == nil {
		return nil
	}
	return w.Broker.Published(topic)
}

// checkTopics fails the test if a secret was published.
func (w *World) checkTopics() {
	for _, topic := range []string{pubsub.ResultsTopic, pubsub.DeadLetterTopic} {
		for _, m := range w.Published(topic) {
			for _, kind := range w.canaries.found(fmt.Sprint(m.Attributes)+string(m.Data), true) {
				w.t.Errorf("a message of %s holds %s", topic, kind)
			}
		}
	}
}
