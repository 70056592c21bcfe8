package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/local/console"
	"example.com/okta-secops/local/pubsub"
)

// addPubSubAddr adds the flag -pubsub-addr.
func addPubSubAddr(flags *flag.FlagSet, getenv func(string) string) *string {
	return flags.String("pubsub-addr", cmp.Or(getenv("PUBSUB_EMULATOR_HOST"), defaultPubSubAddr),
		"`address` of the Pub/Sub of the running product (PUBSUB_EMULATOR_HOST)")
}

// publish publishes a request to the topic of a group.
func publish(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("publish")
	addr := addPubSubAddr(flags, getenv)
	name := flags.String("action", "", "the `action` as an attribute, if the JSON does not name it")
	key := flags.String("key", "", "the idempotency `key` (default: the ID of the message)")
	words, err := parse(flags, args, stdout)
	if err != nil {
		return err
	}
	var groups []string
	for _, g := range handlers.Groups {
		groups = append(groups, g.Name)
	}
	if len(words) != 2 {
		return fmt.Errorf("name a group (%s) and a request in JSON: "+
			"publish users '{\"action\": \"Get User\", \"parameters\": {\"User IDs\": \"alice\"}}'", strings.Join(groups, ", "))
	}
	group := ""
	for _, g := range groups {
		if strings.EqualFold(g, words[0]) {
			group = g
		}
	}
	if group == "" {
		return fmt.Errorf("unknown group %q; the groups are %s", words[0], strings.Join(groups, ", "))
	}
	attributes := map[string]string{}
	for attribute, value := range map[string]string{"action": *name, "idempotency_key": *key} {
		if value != "" {
			attributes[attribute] = value
		}
	}
	id, err := pubsub.Publish(ctx, *addr, group, []byte(words[1]), attributes)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "published %s to %s\n", id, pubsub.Topic(group))
	return nil
}

// errEnough ends results after -n messages.
var errEnough = errors.New("enough results")

// results prints the results and dead letters that the functions publish, until Ctrl-C. With -all
// it first prints the stored ones.
func results(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("results")
	addr := addPubSubAddr(flags, getenv)
	asJSON := flags.Bool("json", false, "print each message as it was published, one per line")
	most := flags.Int("n", 0, "stop after `N` messages; 0: at Ctrl-C")
	all := flags.Bool("all", false, fmt.Sprintf("first print earlier messages, at most %d of each topic", maxStored))
	words, err := parse(flags, args, stdout)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return fmt.Errorf("results has no argument %q; see go run ./local results -h", words[0])
	}
	if *most < 0 {
		return fmt.Errorf("-n %d is negative; use the number of messages to wait for, or 0 for no limit", *most)
	}
	err = watchResults(ctx, *addr, *all, func(n int, m pubsub.Message, dead bool) error {
		switch {
		case *asJSON:
			fmt.Fprintln(stdout, strings.TrimSpace(string(m.Data)))
		case dead:
			printDeadLetter(stdout, m)
		default:
			printResult(stdout, m)
		}
		if n == *most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// watchResults calls show for each result and dead letter, one at a time, with their number from 1.
// It ends with ctx or with the first error of show or of Pub/Sub.
func watchResults(
	ctx context.Context, addr string, all bool, show func(n int, m pubsub.Message, dead bool) error,
) error {
	type published struct {
		message pubsub.Message
		dead    bool
	}
	arrived := make(chan published)
	watchers, ctx := errgroup.WithContext(ctx)
	for _, topic := range []string{pubsub.ResultsTopic, pubsub.DeadLetterTopic} {
		watchers.Go(func() error {
			return pubsub.Watch(ctx, addr, topic, all, func(m pubsub.Message) bool {
				select {
				case arrived <- published{m, topic == pubsub.DeadLetterTopic}:
					return true
				case <-ctx.Done():
					return false
				}
			})
		})
	}
	watchers.Go(func() error {
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return nil
			case p := <-arrived:
				if err := show(n, p.message, p.dead); err != nil {
					return err
				}
			}
		}
	})
	return watchers.Wait()
}

func printResult(w io.Writer, m pubsub.Message) {
	var r replyView
	if json.Unmarshal(m.Data, &r) != nil {
		fmt.Fprintf(w, "%s %s\n\n", publishedAt(m), m.Data)
		return
	}
	fmt.Fprintf(w, "%s %s %s\n", publishedAt(m), cmp.Or(m.Attributes["action"], "(no action)"),
		attributes(m, "invocation_id", "message_id", "case_id"))
	r.print(w)
	fmt.Fprintln(w)
}

func printDeadLetter(w io.Writer, m pubsub.Message) {
	letter := messageOf(m, true)
	if letter.Status == "" {
		fmt.Fprintf(w, "%s DEAD LETTER, %s\n\n", publishedAt(m), letter.Text)
		return
	}
	fmt.Fprintf(w, "%s DEAD LETTER %s %s\n%s: %s\n\n", publishedAt(m), letter.Action,
		attributes(m, "invocation_id", "message_id"), letter.Status, letter.Text)
}

// messageOf returns a message for the console: of a result the status and the sentence, of a dead letter the reason.
func messageOf(m pubsub.Message, dead bool) console.Message {
	var data struct {
		Status        string `json:"status"`
		OutputMessage string `json:"output_message"`
		Reason        struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"reason"`
	}
	unreadable := json.Unmarshal(m.Data, &data) != nil
	out := console.Message{
		DeadLetter: dead, Action: cmp.Or(m.Attributes["action"], "(no action)"), InvocationID: m.Attributes["invocation_id"],
		Status: data.Status, Text: data.OutputMessage,
	}
	if dead {
		out.Status, out.Text = data.Reason.Code, data.Reason.Message
		if unreadable || out.Status == "" { // Pub/Sub forwarded it
			out.Status = ""
			out.Text = "not acknowledged after " + m.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] + " deliveries"
		}
	}
	return out
}

// publishedAt returns the time of publication in local time.
func publishedAt(m pubsub.Message) string { return m.Published.Local().Format("2006-01-02 15:04:05") }

// attributes returns the attributes with these names that a message has, as name=value.
func attributes(m pubsub.Message, names ...string) string {
	var out []string
	for _, name := range names {
		if value := m.Attributes[name]; value != "" {
			out = append(out, name+"="+value)
		}
	}
	return strings.Join(out, " ")
}
