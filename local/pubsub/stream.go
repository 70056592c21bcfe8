package pubsub

import (
	"context"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// StreamingPull implements google.pubsub.v1.Subscriber.StreamingPull, which client libraries use to
// receive messages. It ignores the limits on outstanding messages in the first request.
func (s *server) StreamingPull(stream pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		defer cancel()
		for {
			r, err := stream.Recv()
			if err != nil {
				return // the client has closed the stream
			}
			_, _ = s.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: first.Subscription, AckIds: r.AckIds})
			for i, id := range r.ModifyDeadlineAckIds {
				_, _ = s.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
					Subscription: first.Subscription, AckIds: []string{id}, AckDeadlineSeconds: r.ModifyDeadlineSeconds[i],
				})
			}
		}
	}()
	for {
		r, err := s.Pull(ctx, &pubsubpb.PullRequest{Subscription: first.Subscription})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case len(r.ReceivedMessages) == 0:
			continue
		}
		if err := stream.Send(&pubsubpb.StreamingPullResponse{ReceivedMessages: r.ReceivedMessages}); err != nil {
			return err
		}
	}
}
