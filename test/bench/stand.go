package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// stand is a product and its Okta, and a bare client to compare with.
type stand struct {
	*testkit.System
	client  *http.Client
	calls   atomic.Int64 // that Okta was asked
	refused atomic.Int64 // of those, with a 429
}

// newStand starts a stand. env are settings over the standard ones.
func newStand(concurrency int, share float64, clock okta.Clock, env map[string]string) (*stand, error) {
	s := &stand{client: &http.Client{Transport: okta.Transport(true)}}
	all := map[string]string{
		"OKTA_CONCURRENCY": strconv.Itoa(concurrency), "OKTA_LIMIT_SHARE": fmt.Sprint(share), "MAX_TARGETS": "10000", "REQUEST_DEADLINE": "535s",
	}
	maps.Copy(all, env)
	var err error
	s.System, err = testkit.Start(testkit.Options{
		Clock: clock, Log: io.Discard, Env: all,
		Observe: func(c emulator.Observed) {
			s.calls.Add(1)
			if c.Status == http.StatusTooManyRequests {
				s.refused.Add(1)
			}
		},
	})
	return s, err
}

// prepare makes a fresh org with so many ACTIVE load users, so far away.
func (s *stand) prepare(ctx context.Context, users int, latency time.Duration) error {
	s.Okta.Reset()
	if users > 0 {
		if _, err := s.ask(ctx, http.MethodPost, s.OktaURL+"/_emulator/users?count="+strconv.Itoa(users), nil); err != nil {
			return err
		}
	}
	if latency > 0 {
		s.Okta.AddFault(emulator.Fault{Path: "*", LatencyMS: int(latency.Milliseconds())})
	}
	s.calls.Store(0)
	s.refused.Store(0)
	return nil
}

// login is that of the i-th load user.
func login(i int) string { return fmt.Sprintf("load%d@acme.test", i) }

// suspend has the product suspend the load users from one to before another in one call. It returns how many it lost.
func (s *stand) suspend(ctx context.Context, from, to int) (lost int, err error) {
	return s.change(ctx, "/users/disable-user", map[string]any{"Is Deactivate": false}, from, to)
}

// change has the product run an action on the load users from one to before another in one call. It returns how many it lost.
func (s *stand) change(ctx context.Context, path string, parameters map[string]any, from, to int) (lost int, err error) {
	names := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		names = append(names, login(i))
	}
	parameters["User IDs Or Logins"] = names
	body, err := json.Marshal(map[string]any{"parameters": parameters})
	if err != nil {
		return 0, err
	}
	text, err := s.ask(as(ctx, responder), http.MethodPost, s.URL+path, body)
	if err != nil {
		return 0, err
	}
	var reply struct {
		Targets []struct{ Outcome string }
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return 0, err
	}
	lost = to - from
	for _, t := range reply.Targets {
		if t.Outcome == "changed" {
			lost--
		}
	}
	return lost, nil
}

// inSequence makes the product's calls, GET and POST, one after another.
func (s *stand) inSequence(ctx context.Context, users int) error {
	for i := range users {
		text, err := s.ask(ctx, http.MethodGet, s.OktaURL+"/api/v1/users/"+login(i), nil)
		if err != nil {
			return err
		}
		var user struct{ ID, Status string }
		if err := json.Unmarshal(text, &user); err != nil || user.Status != "ACTIVE" {
			return fmt.Errorf("%s is %s: %w", login(i), user.Status, err)
		}
		if _, err := s.ask(ctx, http.MethodPost, s.OktaURL+"/api/v1/users/"+user.ID+"/lifecycle/suspend", nil); err != nil {
			return err
		}
	}
	return nil
}

// blindly makes the incumbent's calls: the POST alone, one after another.
func (s *stand) blindly(ctx context.Context, users int) error {
	for i := range users {
		if _, err := s.ask(ctx, http.MethodPost, s.OktaURL+"/api/v1/users/"+login(i)+"/lifecycle/suspend", nil); err != nil {
			return err
		}
	}
	return nil
}

const getAlice = `{"parameters": {"User IDs Or Logins": "alice@acme.test"}}`

// getUser has the product get one user.
func (s *stand) getUser(ctx context.Context) error {
	_, err := s.ask(ctx, http.MethodPost, s.URL+"/users/get-user", []byte(getAlice))
	return err
}

// bareGet gets the same user from Okta without the product.
func (s *stand) bareGet(ctx context.Context) error {
	_, err := s.ask(ctx, http.MethodGet, s.OktaURL+"/api/v1/users/alice@acme.test", nil)
	return err
}

// ask sends a request and reads the reply, which must be a success.
func (s *stand) ask(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	header := http.Header{}
	if key, is := ctx.Value(callerKey{}).(string); is {
		header.Set("X-Api-Key", key)
	}
	if strings.HasPrefix(url, s.OktaURL) {
		header.Set("Authorization", "SSWS "+s.Okta.Token())
	}
	return send(ctx, s.client, method, url, header, body)
}

// send sends a request with a body of JSON and reads the reply, which must be a success.
func send(ctx context.Context, client *http.Client, method, url string, header http.Header, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, url, res.Status, text)
	}
	return text, err
}

// fastClock is a clock that runs so many times as fast as that of the machine.
type fastClock struct {
	begun time.Time
	times time.Duration
}

// Now implements okta.Clock.
func (c fastClock) Now() time.Time { return c.begun.Add(time.Since(c.begun) * c.times) }

// Sleep implements okta.Clock.
func (c fastClock) Sleep(ctx context.Context, d time.Duration) error {
	return okta.SystemClock{}.Sleep(ctx, d/c.times)
}

// limitTo gives Okta one bucket for all calls on single users, as small as this.
func (s *stand) limitTo(perMinute int) {
	s.Okta.AddLimit(emulator.Limit{Path: "/api/v1/users/*", PerMinute: perMinute})
}
