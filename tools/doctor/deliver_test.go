package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/testkit"
)

// delivering is a deployment whose topics are those of a local Pub/Sub, which delivers to the real
// functions.
type delivering struct {
	*deployment
	world *testkit.World

	mu     sync.Mutex
	denied string   // the method that is refused
	calls  []string // methods of Pub/Sub
	sub    *pubsubpb.Subscription
}

// deployedWithPubSub starts a deployment whose functions have the given settings over the standard
// ones.
func deployedWithPubSub(t *testing.T, env map[string]string) *delivering {
	t.Helper()
	d := &delivering{deployment: deployed(t), world: testkit.New(t, testkit.Options{PubSub: true, Env: env})}
	for _, g := range handlers.Groups {
		f := d.function(g)
		f.Name = strings.Replace(f.Name, project, "local", 1)
		env := f.ServiceConfig.EnvironmentVariables
		env["GOOGLE_CLOUD_PROJECT"], env["RESULTS_TOPIC"] = "local", "okta-results"
		if g.Signs {
			env["ITP_SIGNING_KEY_SECRET"] = secretOf("signing") + "/versions/1"
		}
		d.functions.Deploy(f)
	}
	d.options.PubSub = append(pubsub.ClientOptions(d.world.Broker.Addr),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(d.intercept)))
	return d
}

// intercept records the calls to Pub/Sub, and refuses one method.
func (d *delivering) intercept(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	name := method[strings.LastIndex(method, "/")+1:]
	d.mu.Lock()
	d.calls = append(d.calls, name)
	if sub, ok := request.(*pubsubpb.Subscription); ok {
		d.sub = sub
	}
	denied := d.denied == name
	d.mu.Unlock()
	if denied {
		if name == "Pull" { // not before the functions have published their results
			_ = next(ctx, method, request, reply, cc, options...)
		}
		return status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	}
	return next(ctx, method, request, reply, cc, options...)
}

func (d *delivering) deliver(args ...string) (string, error) {
	d.t.Helper()
	return d.examine(append([]string{"-project", "local", "-deliver"}, args...)...)
}

func TestDoctor_DeliversAPingToEachFunction(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, nil)
	out, err := d.deliver()
	if err != nil || strings.Count(out, "  ok    ok        0") != len(handlers.Groups) {
		t.Errorf("%v\n%s", err, out)
	}
	published := map[string]bool{}
	for _, g := range handlers.Groups {
		for _, m := range d.world.Published(pubsub.Topic(g.Name)) {
			published[m.Attributes["idempotency_key"]] = true
			if !bytes.Contains(m.Data, []byte(`"action":"Ping"`)) || !strings.HasSuffix(m.Attributes["idempotency_key"],
				"-"+g.Name) {
				t.Errorf("%s: %s %v", g.Name, m.Data, m.Attributes)
			}
		}
	}
	if len(published) != len(handlers.Groups) || !strings.Contains(d.sub.Filter, `hasPrefix(attributes.case_id, "doctor-`) ||
		d.sub.Topic != pubsub.ResultsTopic ||
		d.sub.ExpirationPolicy.Ttl.AsDuration() != 24*time.Hour {
		t.Errorf("published %v, subscription %v", published, d.sub)
	}
	if n := len(d.calls); d.calls[0] != "CreateSubscription" || d.calls[n-1] != "DeleteSubscription" ||
		!strings.Contains(d.sub.Name, "okta-doctor-") {
		t.Errorf("calls %v", d.calls)
	}
	d.world.WantWrites()
}

func TestDoctor_DeliversOnlyIfAsked(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, nil)
	if out, err := d.examine("-project", "local"); err != nil || strings.Count(out, "not tested") != len(handlers.Groups) ||
		len(d.calls) > 0 {
		t.Errorf("%v, calls %v\n%s", err, d.calls, out)
	}
}

func TestDoctor_NamesTheMissingRoleOfADelivery(t *testing.T) {
	t.Parallel()
	for method, c := range map[string]struct {
		finding string
		deletes bool
	}{
		"CreateSubscription": {"failed: deployment: the delivery of messages cannot be tested: creating a temporary subscription to " +
			pubsub.ResultsTopic +
			": pubsub.subscriptions.create, .consume and .delete in the project and pubsub.topics.attachSubscription on the " +
			"topic are needed", false},
		"Publish": {"failed: okta-users: delivery: publishing a Ping to projects/local/topics/okta-users: " +
			"roles/pubsub.publisher on the topic is needed", true},
		"Pull": {"failed: deployment: the results of deliveries cannot be read: pubsub.subscriptions.consume is needed",
			true},
		"DeleteSubscription": {"warning: deployment: the temporary subscription projects/local/subscriptions/okta-doctor-", true},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			d := deployedWithPubSub(t, nil)
			d.denied = method
			out, err := d.deliver("-groups", "users")
			if (err != nil) != strings.HasPrefix(c.finding, "failed") || !strings.Contains(out, c.finding) {
				t.Errorf("%v\n%s", err, out)
			}
			if slices.Contains(d.calls, "DeleteSubscription") != c.deletes {
				t.Errorf("calls %v", d.calls)
			}
		})
	}
}

func TestDoctor_ReportsADeliveryThatFails(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, nil)
	d.world.Okta.AddFault(emulator.Fault{Path: "*", Status: 401,
		Body: `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`})
	out, err := d.deliver("-groups", "users")
	if err == nil || !strings.Contains(out, "failed: okta-users: delivery: Ping: Failed to connect to the Okta "+
		"organization.") || !strings.Contains(out, "  failed  ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctor_ReportsADeliveryWithoutAResult(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, map[string]string{"RESULTS_TOPIC": ""})
	d.options.DeliverTime = 200 * time.Millisecond
	out, err := d.deliver("-groups", "users")
	if err == nil || !strings.Contains(out, "had no result within 200ms\n    what to do: check its push subscription") ||
		!strings.Contains(out, "  no result  ") {
		t.Errorf("%v\n%s", err, out)
	}
	if d.calls[len(d.calls)-1] != "DeleteSubscription" {
		t.Errorf("calls %v", d.calls)
	}
}

func TestDoctor_DoesNotDeliverToFunctionsWithErrors(t *testing.T) {
	t.Parallel()
	d := deployedWithPubSub(t, nil)
	d.platform = true
	out, err := d.deliver("-groups", "users", "-no-ping")
	if err == nil || !strings.Contains(out, "skipped: okta-users: the delivery of a message was not tested") ||
		len(d.calls) > 0 {
		t.Errorf("%v, calls %v\n%s", err, d.calls, out)
	}
	f := d.function(handlers.Groups[0])
	f.Name = strings.Replace(f.Name, project, "local", 1)
	d.platform = false
	d.functions.Deploy(f)
	out, err = d.deliver("-groups", "users")
	if err != nil || !strings.Contains(out, "warning: okta-users: the delivery of a message cannot be tested without "+
		"results: RESULTS_TOPIC must be") {
		t.Errorf("%v\n%s", err, out)
	}
}
