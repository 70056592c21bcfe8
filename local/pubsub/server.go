package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	defaultAckDeadline = 10 * time.Second
	pullTime           = time.Second // how long a Pull waits for a message
	maxPull            = 1000        // messages of one Pull
	maxRequest         = 11 << 20    // bytes; a PublishRequest has at most 10 MB
)

// server is a Pub/Sub in memory: those calls of google.pubsub.v1 that a Broker, its clients and the usual client
// libraries make to publish, pull and acknowledge.
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1
type server struct {
	pubsubpb.UnimplementedPublisherServer
	pubsubpb.UnimplementedSubscriberServer

	grpc *grpc.Server
	keep int // Options.Keep
	log  *slog.Logger

	mu            sync.Mutex
	topics        map[string]*topic
	subscriptions map[string]*subscription
	messages      int // published so far
}

// topic keeps the messages that were published to it, the oldest first.
type topic struct {
	proto    *pubsubpb.Topic
	messages []*pubsubpb.PubsubMessage
	dropped  int // messages that it no longer keeps
}

// subscription is the messages of a topic that are not acknowledged.
type subscription struct {
	proto   *pubsubpb.Subscription
	ready   []*pubsubpb.PubsubMessage
	out     map[string]outstanding // delivered, by ack id
	given   int                    // ack ids so far
	arrived chan struct{}          // closed when ready is no longer empty
}

// outstanding is a message that is delivered again unless it is acknowledged in time.
type outstanding struct {
	message  *pubsubpb.PubsubMessage
	deadline time.Time
}

// serve returns a server that listens at an address.
func serve(addr string, keep int, log *slog.Logger) (s *server, bound string, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", fmt.Errorf("Pub/Sub cannot be served at %s: %w", addr, err)
	}
	s = &server{
		grpc: grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest)), keep: keep, log: log,
		topics: map[string]*topic{}, subscriptions: map[string]*subscription{},
	}
	pubsubpb.RegisterPublisherServer(s.grpc, s)
	pubsubpb.RegisterSubscriberServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(listener) }() // until Stop
	return s, listener.Addr().String(), nil
}

// CreateTopic implements google.pubsub.v1.Publisher.CreateTopic.
func (s *server) CreateTopic(_ context.Context, t *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[t.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "the topic %s exists", t.Name)
	}
	s.topics[t.Name] = &topic{proto: t}
	return t, nil
}

// GetTopic implements google.pubsub.v1.Publisher.GetTopic.
func (s *server) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := find(s.topics, "topic", r.Topic)
	if err != nil {
		return nil, err
	}
	return t.proto, nil
}

// Publish implements google.pubsub.v1.Publisher.Publish.
func (s *server) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := find(s.topics, "topic", r.Topic)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range r.Messages {
		m.MessageId, m.PublishTime = "m"+strconv.Itoa(s.messages), timestamppb.Now()
		s.messages++
		ids = append(ids, m.MessageId)
		s.retain(t, m)
		for _, sub := range s.subscriptions {
			if sub.proto.Topic == r.Topic && sub.matches(m) {
				sub.add(m)
				if s.keep > 0 && sub.proto.PushConfig.GetPushEndpoint() == "" { // a push is delivered, however late
					sub.ready, _ = newest(sub.ready, s.keep)
				}
			}
		}
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

// retain adds a message to those that a topic keeps. The log says which topic drops messages, at the first one and then
// once per Options.Keep.
func (s *server) retain(t *topic, m *pubsubpb.PubsubMessage) {
	t.messages = append(t.messages, m)
	if s.keep == 0 {
		return
	}
	var dropped int
	if t.messages, dropped = newest(t.messages, s.keep); dropped == 0 {
		return
	}
	if t.dropped%s.keep == 0 {
		s.log.Info("a topic of the local Pub/Sub is full and drops its oldest messages",
			"topic", t.proto.Name, "kept", s.keep, "dropped", t.dropped+1)
	}
	t.dropped += dropped
}

// newest returns the last messages of a list, and the number of the others.
func newest(list []*pubsubpb.PubsubMessage, keep int) ([]*pubsubpb.PubsubMessage, int) {
	dropped := max(0, len(list)-keep)
	clear(list[:dropped]) // the array of the slice still refers to them
	return list[dropped:], dropped
}

// CreateSubscription implements google.pubsub.v1.Subscriber.CreateSubscription.
func (s *server) CreateSubscription(_ context.Context, p *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscriptions[p.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "the subscription %s exists", p.Name)
	}
	if _, err := find(s.topics, "topic", p.Topic); err != nil {
		return nil, err
	}
	if p.Filter != "" && !prefixFilter.MatchString(p.Filter) {
		return nil, status.Error(codes.Unimplemented, `a filter must have the form hasPrefix(attributes.NAME, "PREFIX")`)
	}
	s.subscriptions[p.Name] = &subscription{proto: p, out: map[string]outstanding{}, arrived: make(chan struct{})}
	return p, nil
}

// GetSubscription implements google.pubsub.v1.Subscriber.GetSubscription.
func (s *server) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := find(s.subscriptions, "subscription", r.Subscription)
	if err != nil {
		return nil, err
	}
	return sub.proto, nil
}

// DeleteSubscription implements google.pubsub.v1.Subscriber.DeleteSubscription.
func (s *server) DeleteSubscription(_ context.Context, r *pubsubpb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := find(s.subscriptions, "subscription", r.Subscription); err != nil {
		return nil, err
	}
	delete(s.subscriptions, r.Subscription)
	return &emptypb.Empty{}, nil
}

// Seek implements google.pubsub.v1.Subscriber.Seek for a time: the subscription then has the kept messages
// from that time on.
func (s *server) Seek(_ context.Context, r *pubsubpb.SeekRequest) (*pubsubpb.SeekResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := find(s.subscriptions, "subscription", r.Subscription)
	if err != nil {
		return nil, err
	}
	if r.GetTime() == nil {
		return nil, status.Error(codes.Unimplemented, "only a time can be sought")
	}
	clear(sub.out)
	sub.ready = nil
	for _, m := range s.topics[sub.proto.Topic].messages {
		if !m.PublishTime.AsTime().Before(r.GetTime().AsTime()) && sub.matches(m) {
			sub.add(m)
		}
	}
	return &pubsubpb.SeekResponse{}, nil
}

// Pull implements google.pubsub.v1.Subscriber.Pull. It waits pullTime for a message.
func (s *server) Pull(ctx context.Context, r *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	timer := time.NewTimer(pullTime)
	defer timer.Stop()
	for {
		s.mu.Lock()
		sub, err := find(s.subscriptions, "subscription", r.Subscription)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		messages, arrived := sub.take(int(r.MaxMessages), time.Now()), sub.arrived
		s.mu.Unlock()
		if len(messages) > 0 {
			return &pubsubpb.PullResponse{ReceivedMessages: messages}, nil
		}
		select {
		case <-arrived:
		case <-timer.C:
			return &pubsubpb.PullResponse{}, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// Acknowledge implements google.pubsub.v1.Subscriber.Acknowledge.
func (s *server) Acknowledge(_ context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	return s.change(r.Subscription, r.AckIds, func(sub *subscription, id string) { delete(sub.out, id) })
}

// ModifyAckDeadline implements google.pubsub.v1.Subscriber.ModifyAckDeadline. A deadline of 0 is a negative
// acknowledgement.
func (s *server) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	return s.change(r.Subscription, r.AckIds, func(sub *subscription, id string) {
		o := sub.out[id]
		if r.AckDeadlineSeconds == 0 {
			delete(sub.out, id)
			sub.add(o.message)
			return
		}
		o.deadline = time.Now().Add(time.Duration(r.AckDeadlineSeconds) * time.Second)
		sub.out[id] = o
	})
}

// change changes outstanding messages. An ack id that is not outstanding is ignored, as the service does.
func (s *server) change(name string, ids []string, f func(*subscription, string)) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := find(s.subscriptions, "subscription", name)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := sub.out[id]; ok {
			f(sub, id)
		}
	}
	return &emptypb.Empty{}, nil
}

// prefixFilter is the filter that the server knows. https://cloud.google.com/pubsub/docs/subscription-message-filter
var prefixFilter = regexp.MustCompile(`^hasPrefix\(attributes\.([A-Za-z_][A-Za-z0-9_-]*), "([^"\\]*)"\)$`)

// matches reports whether the filter of the subscription, if it has one, matches the message.
func (s *subscription) matches(m *pubsubpb.PubsubMessage) bool {
	filter := prefixFilter.FindStringSubmatch(s.proto.Filter)
	if filter == nil {
		return true
	}
	value, ok := m.Attributes[filter[1]]
	return ok && strings.HasPrefix(value, filter[2])
}

// add makes a message available.
func (s *subscription) add(m *pubsubpb.PubsubMessage) {
	if len(s.ready) == 0 {
		close(s.arrived)
		s.arrived = make(chan struct{})
	}
	s.ready = append(s.ready, m)
}

// take delivers at most n messages (0: maxPull), those first whose deadline has passed.
func (s *subscription) take(n int, now time.Time) []*pubsubpb.ReceivedMessage {
	for id, o := range s.out {
		if now.After(o.deadline) {
			delete(s.out, id)
			s.ready = slices.Insert(s.ready, 0, o.message)
		}
	}
	if n <= 0 {
		n = maxPull
	}
	n = min(n, maxPull, len(s.ready))
	deadline := time.Duration(s.proto.AckDeadlineSeconds) * time.Second
	if deadline == 0 {
		deadline = defaultAckDeadline
	}
	var out []*pubsubpb.ReceivedMessage
	for _, m := range s.ready[:n] {
		s.given++
		id := m.MessageId + ":" + strconv.Itoa(s.given)
		s.out[id] = outstanding{m, now.Add(deadline)}
		out = append(out, &pubsubpb.ReceivedMessage{AckId: id, Message: m})
	}
	clear(s.ready[:n])
	s.ready = s.ready[n:]
	return out
}

// find returns a topic or subscription by its name.
func find[T any](all map[string]*T, kind, name string) (*T, error) {
	if found := all[name]; found != nil {
		return found, nil
	}
	return nil, status.Errorf(codes.NotFound, "there is no %s %s", kind, name)
}
