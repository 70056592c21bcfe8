package pubsub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Message is a message of a topic.
type Message struct {
	ID         string
	Attributes map[string]string
	Data       []byte
	Published  time.Time
}

func message(m *pubsubpb.PubsubMessage) Message {
	return Message{m.MessageId, m.Attributes, m.Data, m.PublishTime.AsTime()}
}

// timeout limits a connection and a request to a Broker, which is on this machine.
const timeout = 5 * time.Second

// Publish publishes a message to the topic of a group and returns its ID.
func Publish(ctx context.Context, addr, group string, data []byte, attributes map[string]string) (string, error) {
	if err := reachable(ctx, addr); err != nil {
		return "", err
	}
	client, err := pubsub.NewTopicAdminClient(ctx, ClientOptions(addr)...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := client.Publish(ctx, &pubsubpb.PublishRequest{
		Topic: Topic(group), Messages: []*pubsubpb.PubsubMessage{{Data: data, Attributes: attributes}},
	})
	if err != nil {
		return "", fmt.Errorf("publishing to %s at %s: %w", Topic(group), addr, err)
	}
	return r.MessageIds[0], nil
}

// Follow calls take once for each message of a subscription, until ctx ends or take returns false.
func Follow(ctx context.Context, addr, subscription string, take func(Message) bool) error {
	if err := reachable(ctx, addr); err != nil {
		return err
	}
	client, err := pubsub.NewSubscriptionAdminClient(ctx, ClientOptions(addr)...)
	if err != nil {
		return err
	}
	defer client.Close()
	return follow(ctx, client, addr, subscription, take)
}

// Watch calls take once for each message that is published to a topic, until ctx ends or take
// returns false. With all it starts with the stored messages. Several watchers of a topic do not
// affect each other.
func Watch(ctx context.Context, addr, topic string, all bool, take func(Message) bool) error {
	if err := reachable(ctx, addr); err != nil {
		return err
	}
	client, err := pubsub.NewSubscriptionAdminClient(ctx, ClientOptions(addr)...)
	if err != nil {
		return err
	}
	defer client.Close()
	name := project + "/subscriptions/watch-" + rand.Text()
	if _, err := client.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: name, Topic: topic, AckDeadlineSeconds: int32(AckDeadline.Seconds()),
	}); err != nil {
		return fmt.Errorf("subscribing to %s at %s: %w", topic, addr, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		// The error does not matter: the product may have ended.
		_ = client.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: name})
	}()
	if all {
		if _, err := client.Seek(ctx, &pubsubpb.SeekRequest{
			Subscription: name, Target: &pubsubpb.SeekRequest_Time{Time: timestamppb.New(time.Unix(0, 0))},
		}); err != nil {
			return fmt.Errorf("reading %s at %s: %w", topic, addr, err)
		}
	}
	return follow(ctx, client, addr, name, take)
}

func follow(
	ctx context.Context, client *pubsub.SubscriptionAdminClient, addr, subscription string, take func(Message) bool,
) error {
	for {
		r, err := client.Pull(ctx, &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 1})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("pulling from %s at %s: %w", subscription, addr, err)
		}
		for _, m := range r.ReceivedMessages {
			more := take(message(m.Message))
			acknowledge := &pubsubpb.AcknowledgeRequest{Subscription: subscription, AckIds: []string{m.AckId}}
			if err := client.Acknowledge(ctx, acknowledge); err != nil && ctx.Err() == nil {
				return fmt.Errorf("acknowledging to %s: %w", subscription, err)
			}
			if !more {
				return nil
			}
		}
	}
}

// reachable returns an error if no server listens on the address. A Pub/Sub client would retry for
// a long time first.
func reachable(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: timeout}
	connection, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return errors.New("no Pub/Sub runs at " + addr +
			": start the product with go run ./local, or set PUBSUB_EMULATOR_HOST to its address")
	}
	return connection.Close()
}
