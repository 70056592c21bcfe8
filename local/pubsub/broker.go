// Package pubsub runs Pub/Sub for the local product: a server in this process, a topic with a push
// subscription for each group, topics for results and dead letters, and the delivery of messages to
// the functions.
//
// Functions that take an address return an error with the address if no server listens there, and
// the errors of the Pub/Sub client.
package pubsub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/backoff"
)

// The settings of the push subscriptions of a deployment.
const (
	AckDeadline   = 600 * time.Second
	Retention     = 20 * time.Hour // less than the life of an idempotency record
	MinBackoff    = 10 * time.Second
	MaxBackoff    = 600 * time.Second
	MaxDeliveries = 20 // after which a message becomes a dead letter
)

// Limits per subscription. The service chooses its own.
const (
	maxPending  = 1000 // messages that are pulled and neither acknowledged nor dead letters
	maxInFlight = 64   // concurrent deliveries
)

const project = "projects/local"

// The resource names of topics and pull subscriptions.
const (
	ResultsTopic    = project + "/topics/okta-results"
	DeadLetterTopic = project + "/topics/okta-dead-letter"

	ResultsSubscription    = project + "/subscriptions/okta-results"
	DeadLetterSubscription = project + "/subscriptions/okta-dead-letter"
)

// Topic returns the name of the topic of a group.
func Topic(group string) string { return project + "/topics/okta-" + group }

// Options are the settings of a Broker.
type Options struct {
	Addr      string            // loopback address of the server; port 0 selects a free port
	Functions string            // base URL of the functions, which are at the names of their groups
	Topics    []string          // additional topics
	Transport http.RoundTripper // nil: http.DefaultTransport
	Speed     float64           // divides the backoff between deliveries; 0: 1
	Keep      int               // limit of stored messages per topic; 0: no limit
	Log       *slog.Logger      // nil: slog.Default
}

// Broker is a running Pub/Sub server that delivers messages to the functions.
type Broker struct {
	Addr string

	o       Options
	server  *server
	client  http.Client
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// Start starts a Broker, which runs until Close. It returns an error if it cannot listen on the
// address.
func Start(o Options) (b *Broker, err error) {
	o.Speed, o.Log = cmp.Or(o.Speed, 1), cmp.Or(o.Log, slog.Default())
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	server, addr, err := serve(o.Addr, o.Keep, o.Log)
	if err != nil {
		return nil, err
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := http.Client{Transport: o.Transport, Timeout: AckDeadline, CheckRedirect: noRedirects}
	b = &Broker{Addr: addr, o: o, server: server, client: client}
	if err := b.create(); err != nil {
		server.grpc.Stop()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	for _, g := range handlers.Groups {
		b.workers.Go(func() { b.push(ctx, g.Name) })
	}
	return b, nil
}

// CreateTopic creates a topic. It returns an error if the topic exists.
func (b *Broker) CreateTopic(name string) error {
	_, err := b.server.CreateTopic(context.Background(), &pubsubpb.Topic{Name: name})
	return err
}

func (b *Broker) create() error {
	names := append([]string{ResultsTopic, DeadLetterTopic}, b.o.Topics...)
	for _, g := range handlers.Groups {
		names = append(names, Topic(g.Name))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := b.CreateTopic(name); err != nil {
			return err
		}
	}
	subscriptions := []*pubsubpb.Subscription{
		{Name: ResultsSubscription, Topic: ResultsTopic}, {Name: DeadLetterSubscription, Topic: DeadLetterTopic},
	}
	for _, g := range handlers.Groups {
		subscriptions = append(subscriptions, &pubsubpb.Subscription{
			Name: subscriptionOf(g.Name), Topic: Topic(g.Name), AckDeadlineSeconds: int32(AckDeadline.Seconds()),
			MessageRetentionDuration: durationpb.New(Retention),
			PushConfig:               &pubsubpb.PushConfig{PushEndpoint: b.endpoint(g.Name)},
			RetryPolicy: &pubsubpb.RetryPolicy{
				MinimumBackoff: durationpb.New(MinBackoff), MaximumBackoff: durationpb.New(MaxBackoff),
			},
			DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{
				DeadLetterTopic: DeadLetterTopic, MaxDeliveryAttempts: MaxDeliveries,
			},
		})
	}
	for _, s := range subscriptions {
		if _, err := b.server.CreateSubscription(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

// Published returns the stored messages of a topic, oldest first.
func (b *Broker) Published(topic string) []Message {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	var out []Message
	if t := b.server.topics[topic]; t != nil {
		for _, m := range t.messages {
			out = append(out, message(m))
		}
	}
	return out
}

// endpoint returns the URL to which the messages of a group are delivered.
func (b *Broker) endpoint(group string) string { return b.o.Functions + "/" + group + "/pubsub" }

func subscriptionOf(group string) string { return project + "/subscriptions/okta-" + group }

// Close stops the Broker. Undelivered messages are lost. The error is always nil.
func (b *Broker) Close() error {
	b.stop()
	b.workers.Wait()
	b.server.grpc.Stop()
	return nil
}

// ClientOptions returns the options of a Pub/Sub client for the Broker at an address.
func ClientOptions(addr string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// push pulls the messages of a group and delivers each until it is acknowledged, as push
// subscriptions do: https://cloud.google.com/pubsub/docs/push#receive_push
func (b *Broker) push(ctx context.Context, group string) {
	pending, inFlight := make(chan struct{}, maxPending), make(chan struct{}, maxInFlight)
	for ctx.Err() == nil {
		r, err := b.server.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: subscriptionOf(group), MaxMessages: int32(max(1, maxPending-len(pending))),
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			b.o.Log.Error("local Pub/Sub cannot pull messages", "group", group, "error", err.Error())
			return
		}
		for _, m := range r.ReceivedMessages {
			select {
			case pending <- struct{}{}:
			case <-ctx.Done():
				return
			}
			b.workers.Go(func() {
				defer func() { <-pending }()
				b.deliver(ctx, group, m.AckId, m.Message, inFlight)
			})
		}
	}
}

// deliver delivers one message until it is acknowledged or becomes a dead letter.
func (b *Broker) deliver(ctx context.Context, group, ackID string, m *pubsubpb.PubsubMessage, inFlight chan struct{}) {
	for attempt := 1; ; attempt++ {
		select {
		case inFlight <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := b.post(ctx, group, m, attempt)
		<-inFlight
		if ctx.Err() != nil {
			return
		}
		if err != nil && attempt < MaxDeliveries {
			wait := redeliveryPause(attempt)
			b.o.Log.Info("local Pub/Sub will redeliver a message",
				"group", group, "message_id", m.MessageId, "attempt", attempt, "reason", err.Error())
			pause(ctx, time.Duration(float64(wait)/b.o.Speed))
			b.logError("extend", func() error {
				_, err := b.server.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
					Subscription: subscriptionOf(group), AckIds: []string{ackID}, AckDeadlineSeconds: int32(AckDeadline.Seconds()),
				})
				return err
			})
			continue
		}
		if err != nil {
			b.o.Log.Warn("local Pub/Sub publishes a message as a dead letter",
				"group", group, "message_id", m.MessageId, "attempts", attempt, "reason", err.Error())
			b.forward(ctx, group, m, attempt)
		}
		b.logError("acknowledge", func() error {
			_, err := b.server.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
				Subscription: subscriptionOf(group), AckIds: []string{ackID},
			})
			return err
		})
		return
	}
}

// forward publishes a message unchanged to the dead-letter topic:
// https://cloud.google.com/pubsub/docs/dead-letter-topics#how_dead_letter_topics_work
func (b *Broker) forward(ctx context.Context, group string, m *pubsubpb.PubsubMessage, attempts int) {
	attributes := map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount":       strconv.Itoa(attempts),
		"CloudPubSubDeadLetterSourceSubscription":        "okta-" + group,
		"CloudPubSubDeadLetterSourceSubscriptionProject": strings.TrimPrefix(project, "projects/"),
	}
	maps.Copy(attributes, m.Attributes)
	letter := &pubsubpb.PubsubMessage{Data: m.Data, Attributes: attributes}
	b.logError("forward", func() error {
		_, err := b.server.Publish(ctx, &pubsubpb.PublishRequest{
			Topic: DeadLetterTopic, Messages: []*pubsubpb.PubsubMessage{letter},
		})
		return err
	})
}

// logError logs the error of an operation on a message, unless the Broker is closing.
func (b *Broker) logError(operation string, f func() error) {
	if err := f(); err != nil && !errors.Is(err, context.Canceled) {
		b.o.Log.Error("local Pub/Sub cannot "+operation+" a message", "error", err.Error())
	}
}

// delivery is the body of a push.
type delivery struct {
	Message      deliveredMessage `json:"message"`
	Subscription string           `json:"subscription"`
	Attempt      int              `json:"deliveryAttempt"`
}

type deliveredMessage struct {
	Data        []byte            `json:"data"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	MessageID   string            `json:"messageId"`
	MessageID2  string            `json:"message_id"`
	PublishTime time.Time         `json:"publishTime"`
}

// ackStatuses are the HTTP statuses that acknowledge a message.
var ackStatuses = []int{
	http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent,
}

// post delivers a message once. It returns nil if the function acknowledged it, or the reason if
// not.
func (b *Broker) post(ctx context.Context, group string, m *pubsubpb.PubsubMessage, attempt int) error {
	body, err := json.Marshal(delivery{
		Message:      deliveredMessage{m.Data, m.Attributes, m.MessageId, m.MessageId, m.PublishTime.AsTime()},
		Subscription: subscriptionOf(group), Attempt: attempt,
	})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.endpoint(group), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := b.client.Do(r)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if !slices.Contains(ackStatuses, res.StatusCode) {
		return errors.New("the function responded with " + res.Status)
	}
	return nil
}

// redeliveryPause returns the pause after a number of deliveries, at most MaxDeliveries.
func redeliveryPause(deliveries int) time.Duration {
	return min(backoff.Exponential(MinBackoff).After(deliveries), MaxBackoff)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
