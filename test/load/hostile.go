package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/functions"
)

// The key of the hostile caller, which may ping, and that of the other.
const (
	pingKey  = "key-that-may-only-ping-0123456789"
	otherKey = "key-that-may-do-anything-0123456789"
)

// startGuarded starts the function with keys for callers.
func startGuarded() (f *function, org *httptest.Server, err error) {
	okta := emulator.New(emulator.Options{})
	org = httptest.NewServer(okta)
	f, err = start(org.URL, okta.Token(), 250, "CALLER_AUTH=apikey", "CALLER_KEYS_SECRET=env:KEYS",
		fmt.Sprintf(`KEYS=[{"id": "probe", "key": %q, "actions": ["ping"]}, {"id": "secops", "key": %q, "actions": ["*"]}]`, pingKey, otherKey))
	return f, org, err
}

// disable calls Disable User for alice and returns the status and how long it took.
func disable(f *function) (status int, took time.Duration) {
	begun := time.Now()
	r, err := http.NewRequest(http.MethodPost, f.address+"/disable-user", strings.NewReader(`{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`))
	if err != nil {
		return 0, 0
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {otherKey}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, time.Since(begun)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, time.Since(begun)
}

// slow opens this many connections without a key, each of which sends a body of one byte in 5 s,
// and prints how many are unanswered and open after a time: each of them takes one of an instance's
// places (80 on Cloud Run) for as long.
func slow(w io.Writer, connections int, during time.Duration) error {
	f, org, err := startGuarded()
	defer org.Close()
	if err != nil {
		return err
	}
	defer f.kill()
	fmt.Fprintf(w, "%d connections without a key, each with one byte of a body of 1,000 in 5 s\n\nafter  unanswered  open  Disable User\n", connections)
	var unanswered, open atomic.Int64
	begun := time.Now()
	end := begun.Add(during)
	var all sync.WaitGroup
	paths := []string{"/disable-user", "/health", "/pubsub", "/nothing", "/"}
	for i := range connections {
		connection, err := net.Dial("tcp", strings.TrimPrefix(f.address, "http://"))
		if err != nil {
			return err
		}
		unanswered.Add(1)
		open.Add(1)
		fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", paths[i%len(paths)])
		all.Go(func() {
			_ = connection.SetReadDeadline(end)
			if n, _ := connection.Read(make([]byte, 1)); n > 0 {
				unanswered.Add(-1)
			}
			if _, err := io.Copy(io.Discard, connection); !errors.Is(err, os.ErrDeadlineExceeded) {
				open.Add(-1)
			}
		})
		all.Go(func() {
			for time.Now().Before(end) {
				if _, err := io.WriteString(connection, " "); err != nil {
					break
				}
				time.Sleep(min(5*time.Second, time.Until(end)))
			}
			_ = connection.Close()
		})
	}
	for _, after := range []time.Duration{during / 20, during / 4, during / 2, during * 9 / 10} {
		time.Sleep(time.Until(begun.Add(after)))
		status, took := disable(f)
		fmt.Fprintf(w, "%s  %d  %d  %d in %s\n", after, unanswered.Load(), open.Load(), status, round(took))
	}
	all.Wait()
	return nil
}

// bombs sends this many requests of 1 MB at once, with a key that may ping, and prints the statuses
// of the replies and how much memory the function took.
func bombs(w io.Writer, n int) error {
	fmt.Fprintf(w, "%d requests of 1 MB at once, with a key that may only ping\n\nto  statuses  longest  Disable User meanwhile  peak memory (MiB)\n", n)
	body := []byte(`{"action": "Disable User", "entities": [` + strings.TrimSuffix(strings.Repeat("0,", 520_000), ",") + "]}")
	for _, path := range []string{"/disable-user", "/"} {
		if err := measureBombs(w, n, path, body); err != nil {
			return err
		}
	}
	return nil
}

func measureBombs(w io.Writer, n int, path string, body []byte) error {
	f, org, err := startGuarded()
	defer org.Close()
	if err != nil {
		return err
	}
	defer f.kill()
	if status, _ := disable(f); status != http.StatusOK {
		return fmt.Errorf("the call of Disable User was answered %d", status)
	}
	statuses := make([]int, n)
	begun := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			r, err := http.NewRequest(http.MethodPost, f.address+path, bytes.NewReader(body))
			if err != nil {
				return
			}
			r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {pingKey}}
			if res, err := http.DefaultClient.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				statuses[i] = res.StatusCode
			}
		})
	}
	status, took := disable(f)
	all.Wait()
	fmt.Fprintf(w, "%s  %d  %s  %d in %s  %d\n", path, statuses, round(time.Since(begun)), status, round(took), functions.PeakMemory(f.process.Process.Pid)>>10)
	return nil
}
