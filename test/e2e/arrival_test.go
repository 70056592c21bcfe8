package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/keys"
)

const callerKey = "the-key-of-a-caller-canary-0123456789"

// testKey is a key for an org whose signals do not matter.
func testKey(t *testing.T) keys.Key {
	t.Helper()
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// unfinished sends a request whose body of 1,000 bytes does not come, but for one, and returns what
// is answered until the connection is closed.
func unfinished(address, line, header string) (string, error) {
	connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(connection, "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: 1000\r\n\r\n{", line, header)
	reply, err := io.ReadAll(connection)
	return string(reply), err
}

// TestArrival_RefusalsUnderTheFramework holds that nothing that is refused before its body has
// arrived holds a connection, and that 160 such requests do not delay a call.
func TestArrival_RefusalsUnderTheFramework(t *testing.T) {
	t.Parallel()
	_, org, settings := seededOrg(t, testKey(t))
	settings = append(settings, "CALLER_AUTH=apikey", "CALLER_KEYS_SECRET=env:KEYS", `KEYS=[{"id": "probe", "key": "`+callerKey+`", "actions": ["ping"]}]`)
	g := handlers.Groups[0]
	served := deploy(t, g.Function, settings...).address
	events := deploy(t, g.EventFunction(), settings...).address
	broken := deploy(t, g.Function).address
	known := "X-Api-Key: " + callerKey + "\r\n"
	cases := []struct {
		address, line, header string
		status                int
	}{
		{served, "POST /disable-user", "", 401}, {served, "POST /", "", 401}, {served, "POST /pubsub", "", 401}, {served, "POST /health", "", 405}, {served, "POST /nothing", "", 401},
		{served, "PUT /ping", "", 401}, {served, "POST /nothing", known, 404}, {served, "PUT /ping", known, 405}, {served, "POST /disable-user", known, 403},
		{events, "POST /", "", 401}, {broken, "POST /disable-user", "", 500}, {broken, "POST /pubsub", "", 500},
	}
	var all sync.WaitGroup
	for i := range 160 {
		all.Go(func() {
			c := cases[i%len(cases)]
			begun := time.Now()
			reply, err := unfinished(c.address, c.line, c.header)
			if err != nil || !strings.HasPrefix(reply, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || !strings.Contains(reply, "Connection: close") || time.Since(begun) > 4*time.Second {
				t.Errorf("%s: after %s: %v %s, want %d", c.line, time.Since(begun), err, reply, c.status)
			}
		})
	}
	a := askWith(t, http.MethodGet, served+"/ping", http.Header{"X-Api-Key": {callerKey}}, "", org)
	if a.Status != http.StatusOK {
		t.Errorf("a call meanwhile: %+v", a)
	}
	all.Wait()
}

// TestArrival_UnfinishedBodyDoesNotHoldTheEnd holds that a function does not wait for bodies after
// SIGTERM.
func TestArrival_UnfinishedBodyDoesNotHoldTheEnd(t *testing.T) {
	t.Parallel()
	_, org, settings := seededOrg(t, testKey(t))
	f := deploy(t, handlers.Groups[0].Function, settings...)
	if a := ask(t, http.MethodGet, f.address+"/ping", "", org); a.Status != http.StatusOK {
		t.Fatalf("ping: %+v", a)
	}
	var all sync.WaitGroup
	for _, path := range []string{"/disable-user", "/pubsub"} {
		all.Go(func() { _, _ = unfinished(f.address, "POST "+path, "") })
	}
	// Each call is answered, so the two, which came before it, are being read by then, or will be
	// refused.
	for range 20 {
		_ = ask(t, http.MethodGet, f.address+"/health", "", org)
	}
	begun := time.Now()
	if err := f.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-f.exited
	f.exited <- nil
	if took := time.Since(begun); err != nil || took > app.DrainTime-time.Second {
		t.Errorf("the function ended after %s: %v", took, err)
	}
	all.Wait()
}
