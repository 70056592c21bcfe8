// Package pubsub publishes messages to Pub/Sub topics.
//
// Publish returns errors of the Pub/Sub client with the topic's name. FullName returns an error
// that completes a sentence about the name.
package pubsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
)

// publishTimeout limits one call of Publish, retries included.
const publishTimeout = 5 * time.Second

// Publisher publishes to the topics of a deployment. It connects at the first use. It sends each
// message in its own request, because the publisher of a message waits for the acknowledgement
// and batching would only delay it.
type Publisher struct {
	timeout time.Duration
	options []option.ClientOption

	mu     sync.Mutex
	client *pubsub.TopicAdminClient
}

// NewPublisher returns a Publisher that connects with the given options, and whose calls take at most that time; 0:
// publishTimeout.
func NewPublisher(timeout time.Duration, options ...option.ClientOption) *Publisher {
	return &Publisher{timeout: cmp.Or(timeout, publishTimeout), options: options}
}

// Topic returns the topic with that full name.
func (p *Publisher) Topic(name string) Topic { return Topic{p, name} }

// Topic is a Pub/Sub topic and the connection to it.
type Topic struct {
	publisher *Publisher
	name      string
}

// Publish publishes a message and returns after Pub/Sub has acknowledged it. It retries transient
// errors until the time of the Publisher is over.
func (t Topic) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, t.publisher.timeout)
	defer cancel()
	client, err := t.publisher.connect(ctx)
	if err != nil {
		return err
	}
	message := &pubsubpb.PubsubMessage{Data: data, Attributes: attributes}
	request := &pubsubpb.PublishRequest{Topic: t.name, Messages: []*pubsubpb.PubsubMessage{message}}
	if _, err = client.Publish(ctx, request); err != nil {
		return fmt.Errorf("publishing to %s: %w", t.name, err)
	}
	return nil
}

func (p *Publisher) connect(ctx context.Context) (*pubsub.TopicAdminClient, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		// The client outlives ctx.
		client, err := pubsub.NewTopicAdminClient(context.WithoutCancel(ctx), p.options...)
		if err != nil {
			return nil, fmt.Errorf("connecting to Pub/Sub: %w", err)
		}
		p.client = client
	}
	return p.client, nil
}

// The formats of topic names: https://cloud.google.com/pubsub/docs/create-topic#resource_names. A length in an
// expression would cost the start of a function a millisecond.
var (
	fullName  = regexp.MustCompile(`^projects/[a-z0-9.:-]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,}$`)
	shortName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,}$`)
)

const maxName = 255 // characters of a name, without the project

// FullName returns the full name of a topic, projects/P/topics/T. name is the full name or only T,
// a topic of the project.
func FullName(name, project string) (string, error) {
	tooLong := len(name)-strings.LastIndex(name, "/")-1 > maxName
	switch {
	case fullName.MatchString(name) && !tooLong:
		return name, nil
	case !shortName.MatchString(name) || tooLong:
		return "", errors.New("must be the name of a topic: projects/P/topics/T, or T")
	case project == "":
		return "", errors.New("must be projects/P/topics/T, because GOOGLE_CLOUD_PROJECT is not set")
	}
	return "projects/" + project + "/topics/" + name, nil
}
