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
	"example.com/okta-secops/local/pubsub"
)

// pubsubAddr adds the flag that says where Pub/Sub is.
func pubsubAddr(flags *flag.FlagSet, getenv func(string) string) *string {
	return flags.String("pubsub-addr", cmp.Or(getenv("PUBSUB_EMULATOR_HOST"), defaultPubSubAddr), "`address` of the running product's Pub/Sub (PUBSUB_EMULATOR_HOST)")
}

// publish publishes a request to the topic of a group.
func publish(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("publish")
	addr := pubsubAddr(flags, getenv)
	name := flags.String("action", "", "the `action`, as an attribute; else the JSON has it")
	key := flags.String("key", "", "the idempotency `key`; else the message's id is")
	words, err := parse(flags, args, stdout)
	if err != nil {
		return err
	}
	var groups []string
	for _, g := range handlers.Groups {
		groups = append(groups, g.Name)
	}
	if len(words) != 2 {
		return fmt.Errorf("name a group (%s) and give a request as JSON: publish users '{\"action\": \"Get User\", \"parameters\": {\"User IDs\": \"alice\"}}'", strings.Join(groups, ", "))
	}
	group := ""
	for _, g := range groups {
		if strings.EqualFold(g, words[0]) {
			group = g
		}
	}
	if group == "" {
		return fmt.Errorf("there is no group %q; there are %s", words[0], strings.Join(groups, ", "))
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

// errEnough ends the following of results.
var errEnough = errors.New("enough results")

// results prints what the functions publish from now on, results and dead letters, until Ctrl-C. With -all it begins with
// what the local Pub/Sub has kept.
func results(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("results")
	addr := pubsubAddr(flags, getenv)
	asJSON := flags.Bool("json", false, "print each as it was published, one a line")
	most := flags.Int("n", 0, "end after so many; 0: at Ctrl-C")
	all := flags.Bool("all", false, fmt.Sprintf("print first what was published before, at most %d of each topic", keep))
	words, err := parse(flags, args, stdout)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return fmt.Errorf("results takes no %q", words[0])
	}
	if *most < 0 {
		return fmt.Errorf("-n %d: give the number of results to wait for, or 0 to go on until Ctrl-C", *most)
	}
	type published struct {
		dead    bool
		message pubsub.Message
	}
	arrived := make(chan published)
	following, ctx := errgroup.WithContext(ctx)
	for _, topic := range []string{pubsub.ResultsTopic, pubsub.DeadLetterTopic} {
		following.Go(func() error {
			return pubsub.Watch(ctx, *addr, topic, *all, func(m pubsub.Message) bool {
				select {
				case arrived <- published{topic == pubsub.DeadLetterTopic, m}:
					return true
				case <-ctx.Done():
					return false
				}
			})
		})
	}
	following.Go(func() error {
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return nil
			case m := <-arrived:
				switch {
				case *asJSON:
					fmt.Fprintln(stdout, strings.TrimSpace(string(m.message.Data)))
				case m.dead:
					printDeadLetter(stdout, m.message)
				default:
					printResult(stdout, m.message)
				}
				if n == *most {
					return errEnough
				}
			}
		}
	})
	if err := following.Wait(); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

func printResult(w io.Writer, m pubsub.Message) {
	var r replyView
	if json.Unmarshal(m.Data, &r) != nil {
		fmt.Fprintf(w, "%s %s\n\n", at(m), m.Data)
		return
	}
	fmt.Fprintf(w, "%s %s %s\n", at(m), cmp.Or(m.Attributes["action"], "(no action)"), attributes(m, "invocation_id", "message_id", "case_id"))
	r.print(w)
	fmt.Fprintln(w)
}

func printDeadLetter(w io.Writer, m pubsub.Message) {
	var letter struct {
		Reason struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"reason"`
	}
	if json.Unmarshal(m.Data, &letter) != nil || letter.Reason.Code == "" {
		fmt.Fprintf(w, "%s DEAD LETTER, given up after %s deliveries\n\n", at(m), m.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"])
		return
	}
	fmt.Fprintf(w, "%s DEAD LETTER %s %s\n%s: %s\n\n", at(m), cmp.Or(m.Attributes["action"], "(no action)"), attributes(m, "invocation_id", "message_id"), letter.Reason.Code, letter.Reason.Message)
}

// at is when a message was published, in local time.
func at(m pubsub.Message) string { return m.Published.Local().Format("2006-01-02 15:04:05") }

// attributes are those of these names that a message has.
func attributes(m pubsub.Message, names ...string) string {
	var out []string
	for _, name := range names {
		if value := m.Attributes[name]; value != "" {
			out = append(out, name+"="+value)
		}
	}
	return strings.Join(out, " ")
}
