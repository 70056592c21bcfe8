// Package pubsub publishes to Pub/Sub.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
)

// publishTimeout bounds the publishing of one message, its tries included.
const publishTimeout = 5 * time.Second

// Publisher publishes to the topics of a deployment. It connects at the first use. Messages are sent one by one: whoever
// publishes waits until Pub/Sub has the message, and gains nothing by a batch.
type Publisher struct {
	options []option.ClientOption

	mu     sync.Mutex
	client *pubsub.TopicAdminClient
}

// NewPublisher makes a Publisher.
func NewPublisher(options ...option.ClientOption) *Publisher { return &Publisher{options: options} }

// Topic is a topic by its full name.
func (p *Publisher) Topic(name string) Topic { return Topic{p, name} }

// Topic is a topic that can be published to.
type Topic struct {
	publisher *Publisher
	name      string
}

// Publish publishes a message, and returns once Pub/Sub has it. What fails for a moment is tried again.
func (t Topic) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	client, err := t.publisher.connect(ctx)
	if err != nil {
		return err
	}
	if _, err = client.Publish(ctx, &pubsubpb.PublishRequest{Topic: t.name, Messages: []*pubsubpb.PubsubMessage{{Data: data, Attributes: attributes}}}); err != nil {
		return fmt.Errorf("publishing to %s: %w", t.name, err)
	}
	return nil
}

func (p *Publisher) connect(ctx context.Context) (*pubsub.TopicAdminClient, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		client, err := pubsub.NewTopicAdminClient(context.WithoutCancel(ctx), p.options...) // it outlives the call that makes it
		if err != nil {
			return nil, fmt.Errorf("connecting to Pub/Sub: %w", err)
		}
		p.client = client
	}
	return p.client, nil
}

// The forms of a topic's name. https://cloud.google.com/pubsub/docs/create-topic#resource_names
var (
	fullName  = regexp.MustCompile(`^projects/[a-z0-9.:-]{1,80}/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	shortName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

// FullName is the full name of a topic: projects/P/topics/T, or T, which is of the project.
func FullName(name, project string) (string, error) {
	switch {
	case fullName.MatchString(name):
		return name, nil
	case !shortName.MatchString(name):
		return "", errors.New("must be the name of a topic: projects/P/topics/T, or T")
	case project == "":
		return "", errors.New("must be projects/P/topics/T, because GOOGLE_CLOUD_PROJECT is not set")
	}
	return "projects/" + project + "/topics/" + name, nil
}
