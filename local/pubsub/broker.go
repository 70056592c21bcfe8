// Package pubsub is Pub/Sub for the local product: a server in this process (server.go), a topic with a push subscription for each
// group, topics for results and dead letters, and what delivers the messages.
package pubsub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
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
)

// The settings of a group's push subscription, as deployed.
const (
	AckDeadline   = 600 * time.Second
	Retention     = 20 * time.Hour // less than the life of a claim
	MinBackoff    = 10 * time.Second
	MaxBackoff    = 600 * time.Second
	MaxDeliveries = 20 // then a message is a dead letter as it is
)

// What deliveries are held to beside: the service sets these by itself.
const (
	mostHeld     = 1000 // messages that were taken from a subscription and are not done with
	mostInFlight = 64   // deliveries of a subscription at a time
)

const project = "projects/local"

// Names.
const (
	ResultsTopic    = project + "/topics/okta-results"
	DeadLetterTopic = project + "/topics/okta-dead-letter"

	ResultsSubscription    = project + "/subscriptions/okta-results"
	DeadLetterSubscription = project + "/subscriptions/okta-dead-letter"
)

// Topic is the topic of a group.
func Topic(group string) string { return project + "/topics/okta-" + group }

// Options says what a Broker is made of.
type Options struct {
	Addr      string            // of the server, on loopback; port 0 picks a free one
	Functions string            // the address, with scheme, under which the groups are by their names
	Topics    []string          // further ones
	Transport http.RoundTripper // nil: http.DefaultTransport
	Speed     float64           // how many times faster than the service's a backoff passes; 0: 1
	Keep      int               // the number of newest messages that each topic keeps; 0: all
	Log       *slog.Logger      // nil: slog.Default
}

// Broker is a running one.
type Broker struct {
	Addr string

	o      Options
	server *server
	client http.Client
	stop   context.CancelFunc
	busy   sync.WaitGroup
}

// Start starts a Broker. It delivers until it is closed.
func Start(o Options) (b *Broker, err error) {
	o.Speed, o.Log = cmp.Or(o.Speed, 1), cmp.Or(o.Log, slog.Default())
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	server, addr, err := serve(o.Addr, o.Keep, o.Log)
	if err != nil {
		return nil, err
	}
	b = &Broker{Addr: addr, o: o, server: server, client: http.Client{
		Transport: o.Transport, Timeout: AckDeadline, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if err := b.create(); err != nil {
		server.grpc.Stop()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	for _, g := range handlers.Groups {
		b.busy.Go(func() { b.push(ctx, g.Name) })
	}
	return b, nil
}

// CreateTopic makes a topic.
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
			RetryPolicy:              &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(MinBackoff), MaximumBackoff: durationpb.New(MaxBackoff)},
			DeadLetterPolicy:         &pubsubpb.DeadLetterPolicy{DeadLetterTopic: DeadLetterTopic, MaxDeliveryAttempts: MaxDeliveries},
		})
	}
	for _, s := range subscriptions {
		if _, err := b.server.CreateSubscription(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

// Published are the messages that were published to a topic so far; with Options.Keep, the newest.
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

// endpoint is where a group's messages are delivered to.
func (b *Broker) endpoint(group string) string { return b.o.Functions + "/" + group + "/pubsub" }

func subscriptionOf(group string) string { return project + "/subscriptions/okta-" + group }

// Close ends the Broker; what was not delivered is lost with it.
func (b *Broker) Close() error {
	b.stop()
	b.busy.Wait()
	b.server.grpc.Stop()
	return nil
}

// ClientOptions are how a client reaches a Broker at an address.
func ClientOptions(addr string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// push takes the messages of a group and has each delivered until it is acknowledged, by the rules of push subscriptions.
// https://cloud.google.com/pubsub/docs/push#receive_push
func (b *Broker) push(ctx context.Context, group string) {
	held, inFlight := make(chan struct{}, mostHeld), make(chan struct{}, mostInFlight)
	for ctx.Err() == nil {
		r, err := b.server.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: subscriptionOf(group), MaxMessages: int32(max(1, mostHeld-len(held))),
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			b.o.Log.Error("Pub/Sub cannot be pulled from", "group", group, "error", err.Error())
			return
		}
		for _, m := range r.ReceivedMessages {
			select {
			case held <- struct{}{}:
			case <-ctx.Done():
				return
			}
			b.busy.Go(func() {
				defer func() { <-held }()
				b.deliver(ctx, group, m.AckId, m.Message, inFlight)
			})
		}
	}
}

// deliver delivers one message.
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
			wait := backoff(attempt)
			b.o.Log.Info("Pub/Sub delivers a message again later", "group", group, "message_id", m.MessageId, "attempt", attempt, "reason", err.Error())
			pause(ctx, time.Duration(float64(wait)/b.o.Speed))
			b.call("extend", func() error {
				_, err := b.server.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
					Subscription: subscriptionOf(group), AckIds: []string{ackID}, AckDeadlineSeconds: int32(AckDeadline.Seconds()),
				})
				return err
			})
			continue
		}
		if err != nil {
			b.o.Log.Warn("Pub/Sub gives a message up: it is a dead letter", "group", group, "message_id", m.MessageId, "attempts", attempt, "reason", err.Error())
			b.forward(ctx, group, m, attempt)
		}
		b.call("acknowledge", func() error {
			_, err := b.server.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: subscriptionOf(group), AckIds: []string{ackID}})
			return err
		})
		return
	}
}

// forward publishes a message that was given up, as it is.
// https://cloud.google.com/pubsub/docs/dead-letter-topics#how_dead_letter_topics_work
func (b *Broker) forward(ctx context.Context, group string, m *pubsubpb.PubsubMessage, attempts int) {
	attributes := map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount": strconv.Itoa(attempts), "CloudPubSubDeadLetterSourceSubscription": "okta-" + group,
		"CloudPubSubDeadLetterSourceSubscriptionProject": strings.TrimPrefix(project, "projects/"),
	}
	for name, value := range m.Attributes {
		attributes[name] = value
	}
	b.call("forward", func() error {
		_, err := b.server.Publish(ctx, &pubsubpb.PublishRequest{Topic: DeadLetterTopic, Messages: []*pubsubpb.PubsubMessage{{Data: m.Data, Attributes: attributes}}})
		return err
	})
}

func (b *Broker) call(what string, f func() error) {
	if err := f(); err != nil && !errors.Is(err, context.Canceled) {
		b.o.Log.Error("Pub/Sub cannot "+what+" a message", "error", err.Error())
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

// acknowledging are the statuses by which a message is done with.
var acknowledging = []int{http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// post makes one delivery. The error says why the message is not acknowledged.
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
	if !slices.Contains(acknowledging, res.StatusCode) {
		return errors.New("the function answered " + res.Status)
	}
	return nil
}

// backoff is how long to wait after so many deliveries.
func backoff(attempts int) time.Duration {
	wait := MinBackoff
	for range attempts - 1 {
		if wait *= 2; wait >= MaxBackoff {
			return MaxBackoff
		}
	}
	return wait
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
