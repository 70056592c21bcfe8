package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	gcppubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/okta-secops/internal/pubsub"
)

const (
	deliverTime = 60 * time.Second
	deleteTime  = 10 * time.Second

	// The minimum values of Pub/Sub: the subscription expires if it cannot be deleted.
	subscriptionRetention = 10 * time.Minute
	subscriptionTTL       = 24 * time.Hour

	checkPermissions = "check the permissions of your account"
)

// deliver publishes a Ping to the topic of each function and waits for its result on the results
// topic. Functions with errors are left out: Pub/Sub would redeliver their messages for hours.
func (r *Report) deliver(ctx context.Context, o Options) {
	if !o.Deliver {
		r.find(checkDelivery, Skipped, "run doctor with -deliver", "no message was published (-deliver)")
		return
	}
	waiting := map[string][]*Function{} // by results topic
	for _, f := range r.Functions {
		if f.deployed == nil {
			continue
		}
		if f.failed() {
			f.find(checkDelivery, Skipped, "correct what failed first", "the delivery of a message was not tested")
			continue
		}
		topic, err := pubsub.FullName(f.env()["RESULTS_TOPIC"], cmp.Or(f.env()["GOOGLE_CLOUD_PROJECT"], o.Project))
		if err != nil {
			f.find(checkDelivery, Warning, "set RESULTS_TOPIC",
				"the delivery of a message cannot be tested without results: RESULTS_TOPIC %s", err)
			continue
		}
		waiting[topic] = append(waiting[topic], f)
	}
	if len(waiting) == 0 {
		return
	}
	client, err := gcppubsub.NewSubscriptionAdminClient(ctx, o.PubSub...)
	if err != nil {
		r.find(checkDelivery, Failed, signIn, "the delivery of messages cannot be tested: signing in to Pub/Sub: %s", err)
		return
	}
	defer client.Close()
	for _, topic := range slices.Sorted(maps.Keys(waiting)) {
		t := deliveryTest{report: r, o: o, client: client, results: topic, run: "doctor-" + strings.ToLower(rand.Text()[:12])}
		t.test(ctx, waiting[topic])
	}
}

// deliveryTest is a test of the functions that publish to one results topic. It gets the results by
// a temporary subscription: to pull from an existing one would take messages from its subscribers.
type deliveryTest struct {
	report       *Report
	o            Options
	client       *gcppubsub.SubscriptionAdminClient
	results      string
	run          string // prefix of the case ids by which the results are recognized
	subscription string
}

func (t deliveryTest) caseID(f *Function) string { return t.run + "-" + f.Group }

func (t deliveryTest) test(ctx context.Context, functions []*Function) {
	t.subscription = fmt.Sprintf("projects/%s/subscriptions/%s-%s", t.o.Project, Prefix(t.o.Instance), t.run)
	if _, err := t.client.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: t.subscription, Topic: t.results, Filter: fmt.Sprintf("hasPrefix(attributes.case_id, %q)", t.run+"-"),
		MessageRetentionDuration: durationpb.New(subscriptionRetention),
		ExpirationPolicy:         &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(subscriptionTTL)},
	}); err != nil {
		t.report.find(checkDelivery, Failed, checkPermissions,
			"the delivery of messages cannot be tested: creating a temporary subscription to %s: %s",
			t.results,
			pubsubRefusal(err, "pubsub.subscriptions.create, .consume and .delete in the project and "+
				"pubsub.topics.attachSubscription on the topic "+
				"are needed, for example roles/pubsub.editor"))
		return
	}
	defer t.delete(ctx)
	waiting := map[string]*Function{} // by case id
	publisher := pubsub.NewPublisher(0, t.o.PubSub...)
	for _, f := range functions {
		topic := fmt.Sprintf("projects/%s/topics/%s", t.o.Project, f.Name)
		data, err := json.Marshal(map[string]any{
			"action": "Ping", "context": map[string]string{"case_id": t.caseID(f), "requested_by": "doctor"},
		})
		if err == nil {
			err = publisher.Topic(topic).Publish(ctx, data, map[string]string{"idempotency_key": t.caseID(f)})
		}
		if err != nil {
			f.Delivery = "failed"
			f.find(checkDelivery, Failed, checkPermissions, "delivery: publishing a Ping to %s: %s", topic, pubsubRefusal(err,
				"roles/pubsub.publisher on the topic is needed"))
			continue
		}
		waiting[t.caseID(f)] = f
	}
	t.receive(ctx, waiting)
}

// receive waits for the results. It does not acknowledge them, because the subscription is deleted.
func (t deliveryTest) receive(ctx context.Context, waiting map[string]*Function) {
	limit := cmp.Or(t.o.DeliverTime, deliverTime)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for len(waiting) > 0 && ctx.Err() == nil {
		r, err := t.client.Pull(ctx, &pubsubpb.PullRequest{Subscription: t.subscription, MaxMessages: 100})
		switch {
		case ctx.Err() != nil, status.Code(err) == codes.DeadlineExceeded: // an empty pull
		case err != nil:
			t.report.find(checkDelivery, Failed, checkPermissions, "the results of deliveries cannot be read: %s",
				pubsubRefusal(err, "pubsub.subscriptions.consume is needed"))
			return
		}
		for _, m := range r.GetReceivedMessages() {
			id := m.GetMessage().GetAttributes()["case_id"]
			if f := waiting[id]; f != nil {
				f.received(m.GetMessage().GetData())
				delete(waiting, id)
			}
		}
	}
	for _, f := range waiting {
		if errors.Is(ctx.Err(), context.Canceled) {
			f.find(checkDelivery, Failed, "run doctor again", "delivery: the test was interrupted before there was a result")
			continue
		}
		f.Delivery = "no result"
		f.find(checkDelivery, Failed, "check its push subscription, whose service account needs roles/run.invoker, its "+
			"audience (PUSH_AUDIENCE), and the log of the function",
			"delivery: a Ping that was published to the topic %s had no result within %s", f.Name, limit)
	}
}

// received checks the result of a Ping.
func (f *Function) received(data []byte) {
	var result response
	switch err := json.Unmarshal(data, &result); {
	case err != nil || !result.product():
		f.Delivery = "failed"
		f.find(checkDelivery, Failed, readLog, "delivery: the result of a Ping is not a reply of the product")
	case !result.IsSuccess:
		f.Delivery = "failed"
		f.find(checkDelivery, Failed, "look up the message in docs/faq.md", "delivery: Ping: %s", result.OutputMessage)
	default:
		f.Delivery = "ok"
		f.passed(checkDelivery)
	}
}

// delete deletes the temporary subscription, even after an interrupt.
func (t deliveryTest) delete(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
	defer cancel()
	if err := t.client.DeleteSubscription(ctx,
		&pubsubpb.DeleteSubscriptionRequest{Subscription: t.subscription}); err != nil {
		t.report.find(checkDelivery, Warning, "delete it, or leave it: it expires after 24 h without use",
			"the temporary subscription %s was not deleted: %s", t.subscription,
			pubsubRefusal(err, "pubsub.subscriptions.delete is needed"))
	}
}

// pubsubRefusal returns the message of a Pub/Sub error, with the missing roles if permission was
// denied.
func pubsubRefusal(err error, needed string) string {
	s, ok := status.FromError(err)
	switch {
	case ok && s.Code() == codes.PermissionDenied:
		return needed + " (" + s.Message() + ")"
	case ok:
		return s.Message()
	case errors.Is(err, context.DeadlineExceeded):
		return "no response in time"
	}
	return err.Error()
}
