package pubsub

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	pubsubclient "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// startQuiet starts a Broker whose functions acknowledge everything.
func startQuiet(t testing.TB, keep int, log *slog.Logger) *Broker {
	t.Helper()
	function := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(function.Close)
	b, err := Start(Options{Addr: "127.0.0.1:0", Functions: function.URL, Keep: keep, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// fill publishes n messages with data of a size to the topic of results.
func fill(t testing.TB, b *Broker, n, size int) {
	t.Helper()
	for i := range n {
		m := &pubsubpb.PubsubMessage{Data: bytes.Repeat([]byte("x"), size), Attributes: map[string]string{"n": fmt.Sprint(i)}}
		if _, err := b.server.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: ResultsTopic, Messages: []*pubsubpb.PubsubMessage{m}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBroker_KeepsTheNewestMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keep, published, kept, lines int }{
		{0, 50, 50, 0}, {10, 10, 10, 0}, {10, 11, 10, 1}, {10, 35, 10, 3},
	} {
		var log bytes.Buffer
		b := startQuiet(t, c.keep, slog.New(slog.NewTextHandler(&log, nil)))
		fill(t, b, c.published, 1)
		all := b.Published(ResultsTopic)
		if len(all) != c.kept || all[0].Attributes["n"] != fmt.Sprint(c.published-c.kept) || all[0].Published.IsZero() {
			t.Errorf("%+v: %d kept from %+v on", c, len(all), all[0])
		}
		if got := strings.Count(log.String(), "dropped="); got != c.lines {
			t.Errorf("%+v: %d lines: %s", c, got, log.String())
		}
		// A subscription that is never pulled from holds no more either.
		n := 0
		err := Follow(t.Context(), b.Addr, ResultsSubscription, func(m Message) bool {
			n++
			return m.Attributes["n"] != fmt.Sprint(c.published-1)
		})
		if err != nil || n != c.kept {
			t.Errorf("%+v: the subscription had %d messages, %v", c, n, err)
		}
	}
}

// TestBroker_MemoryIsBounded publishes 100,000 messages of 2 KiB, the size of a small result.
func TestBroker_MemoryIsBounded(t *testing.T) {
	const messages, size, keep = 100_000, 2 << 10, 10_000
	b := startQuiet(t, keep, slog.New(slog.DiscardHandler))
	before := heap()
	fill(t, b, messages, size)
	grown := heap() - before
	t.Logf("%d messages of %d bytes: the heap has grown by %d MiB", messages, size, grown>>20)
	if most := int64(2 * keep * size); grown > most {
		t.Errorf("the heap has grown by %d MiB, at most %d", grown>>20, most>>20)
	}
	runtime.KeepAlive(b)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestBroker_WatchersGetNewMessagesOrAll(t *testing.T) {
	t.Parallel()
	b := startQuiet(t, 5, slog.New(slog.DiscardHandler))
	fill(t, b, 7, 1)
	for range 2 { // watching takes nothing away
		var seen []string
		if err := Watch(t.Context(), b.Addr, ResultsTopic, true, func(m Message) bool {
			seen = append(seen, m.Attributes["n"])
			return len(seen) < 5
		}); err != nil || strings.Join(seen, " ") != "2 3 4 5 6" {
			t.Errorf("%v %v", seen, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- Watch(ctx, b.Addr, ResultsTopic, false, func(m Message) bool { seen <- m.Attributes["n"]; return false })
	}()
	for watching := false; !watching; {
		b.server.mu.Lock()
		for name := range b.server.subscriptions {
			watching = watching || strings.Contains(name, "watch-")
		}
		b.server.mu.Unlock()
		runtime.Gosched()
	}
	fill(t, b, 1, 1)
	if err := <-done; err != nil || <-seen != "0" {
		t.Errorf("a new watcher did not get the new message first: %v", err)
	}
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	for name := range b.server.subscriptions {
		if strings.Contains(name, "watch-") {
			t.Errorf("%s is left behind", name)
		}
	}
}

// TestBroker_ServesTheClientLibrary publishes and receives as a user of Google's library does.
func TestBroker_ServesTheClientLibrary(t *testing.T) {
	t.Parallel()
	b := startQuiet(t, 0, slog.New(slog.DiscardHandler))
	client, err := pubsubclient.NewClient(t.Context(), "local", ClientOptions(b.Addr)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const n = 20
	publisher := client.Publisher("okta-results")
	for i := range n {
		if _, err := publisher.Publish(t.Context(), &pubsubclient.Message{Data: []byte(fmt.Sprint(i))}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var refused, received atomic.Int32
	if err := client.Subscriber("okta-results").Receive(ctx, func(_ context.Context, m *pubsubclient.Message) {
		if string(m.Data) == "7" && refused.Add(1) == 1 {
			m.Nack() // it comes again
			return
		}
		m.Ack()
		if received.Add(1) == n {
			cancel()
		}
	}); err != nil {
		t.Error(err)
	}
	if refused.Load() != 2 || received.Load() != n {
		t.Errorf("refused %d, received %d", refused.Load(), received.Load())
	}
	if _, err := b.server.GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: "projects/local/topics/none"}); err == nil {
		t.Error("a topic that does not exist is found")
	}
}

func TestSubscription_FiltersByAttributePrefix(t *testing.T) {
	t.Parallel()
	b := startQuiet(t, 0, slog.New(slog.DiscardHandler))
	const name = project + "/subscriptions/filtered"
	create := func(filter string) error {
		_, err := b.server.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: name, Topic: ResultsTopic, Filter: filter})
		return err
	}
	if err := create(`attributes.n = "1"`); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown filter: %v", err)
	}
	if err := create(`hasPrefix(attributes.n, "1")`); err != nil {
		t.Fatal(err)
	}
	fill(t, b, 12, 1)
	var got []string
	err := Follow(t.Context(), b.Addr, name, func(m Message) bool {
		got = append(got, m.Attributes["n"])
		return len(got) < 3
	})
	if err != nil || strings.Join(got, " ") != "1 10 11" {
		t.Errorf("%v %q", err, got)
	}
}
