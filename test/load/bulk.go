package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/local/pubsub"
	"example.com/okta-secops/test/functions"
)

const (
	perMessage = 100 // users, which is MAX_TARGETS
	atOnce     = 64  // calls, or deliveries
)

// bulk disables users in bulk, by calls with an Idempotency-Key and by messages, and prints how many a second, and how much
// memory the functions took. Each row is a separate process.
func bulk(w io.Writer, sizes []int) error {
	fmt.Fprintf(w, "Disable User (suspend), %d users a call or message, %d at once, claims in a bucket, results published, Okta at 0 ms\n\n", perMessage, atOnce)
	fmt.Fprintln(w, "by  users  calls  time  users a second  peak memory (MiB)")
	for _, size := range sizes {
		for _, way := range []struct {
			name string
			send func(p *functions.Process, requests []string) error
		}{{"calls", byCalls}, {"messages", byMessages}} {
			if err := measureBulk(w, size, way.name, way.send); err != nil {
				return fmt.Errorf("%d by %s: %w", size, way.name, err)
			}
		}
	}
	return nil
}

func measureBulk(w io.Writer, requests int, name string, send func(p *functions.Process, requests []string) error) error {
	p, err := functions.Start(functions.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	var ids, bodies []string
	for n := range requests {
		var logins []string
		for i := range perMessage {
			login := fmt.Sprintf("user%d-%d@acme.test", n, i)
			ids, logins = append(ids, p.Okta.AddUser(emulator.UserSeed{Login: login})), append(logins, login)
		}
		body, err := json.Marshal(map[string]any{"action": "Disable User", "parameters": map[string]any{"User IDs": logins, "Is Deactivate": false}})
		if err != nil {
			return err
		}
		bodies = append(bodies, string(body))
	}
	begun := time.Now()
	if err := send(p, bodies); err != nil {
		return err
	}
	took := time.Since(begun)
	for _, id := range ids {
		if u, _ := p.Okta.User(id); u.Status != "SUSPENDED" {
			return fmt.Errorf("%s is %s", u.Login, u.Status)
		}
	}
	fmt.Fprintf(w, "%s  %d  %d  %s  %.0f  %d\n", name, len(ids), requests, took.Round(time.Millisecond), float64(len(ids))/took.Seconds(), p.PeakMemory()>>10)
	return nil
}

func byCalls(p *functions.Process, requests []string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	next := make(chan int)
	var failed atomic.Int64
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for n := range next {
				r, err := http.NewRequest(http.MethodPost, p.Address+"/users", strings.NewReader(requests[n]))
				if err == nil {
					r.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {fmt.Sprint("bulk-", n)}}
					var res *http.Response
					if res, err = client.Do(r); err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
				}
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	for n := range requests {
		next <- n
	}
	close(next)
	all.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d calls got no answer", n)
	}
	return nil
}

// byMessages is over when the last result is there.
func byMessages(p *functions.Process, requests []string) error {
	published := make(chan error, 1)
	go func() {
		for _, r := range requests {
			if _, err := pubsub.Publish(context.Background(), p.Broker.Addr, "users", []byte(r), nil); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	done := map[string]bool{}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	err := pubsub.Follow(ctx, p.Broker.Addr, pubsub.ResultsSubscription, func(m pubsub.Message) bool {
		if m.Attributes["status"] == "success" {
			done[m.Attributes["message_id"]] = true
		}
		return len(done) < len(requests)
	})
	if err == nil && len(done) < len(requests) {
		err = fmt.Errorf("%d results of %d", len(done), len(requests))
	}
	if publishing := <-published; err == nil {
		err = publishing
	}
	return err
}
