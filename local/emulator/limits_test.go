package emulator_test

import (
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
)

func TestLimit_DefaultIsNotEnforced(t *testing.T) {
	t.Parallel()
	o := start(t)
	for range 3 {
		if got := o.rateLimit(o.expect(200, "GET", "/api/v1/users", "")); got != [3]string{"10000", "9999", "60"} {
			t.Error(got)
		}
	}
}

func TestLimit_PerMinute(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/limits", `{"path": "/api/v1/users/*", "method": "", "per_minute": 2}`)
	o.clock.advance(1500 * time.Millisecond) // the window begins with the first request, not with the limit
	call := func(status int, path string, want [3]string) {
		t.Helper()
		if got := o.rateLimit(o.expect(status, "GET", path, "")); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	call(200, "/api/v1/users/alice", [3]string{"2", "1", "61"}) // rounded up
	o.clock.advance(20 * time.Second)
	call(200, "/api/v1/users/bob", [3]string{"2", "0", "41"}) // all paths share the limit
	call(429, "/api/v1/users/bob", [3]string{"2", "0", "41"})
	call(200, "/api/v1/users", [3]string{"10000", "9999", "39"})
	o.clock.advance(41 * time.Second)
	call(200, "/api/v1/users/bob", [3]string{"2", "1", "61"})
	o.AddLimit(emulator.Limit{Path: "/api/v1/users/*", PerMinute: 20000}) // replaces
	call(200, "/api/v1/users/bob", [3]string{"20000", "19999", "61"})
	o.AddLimit(emulator.Limit{Path: "*", PerMinute: 5})
	call(200, "/api/v1/users/bob", [3]string{"5", "4", "61"}) // the headers are those of the tighter limit
	o.Reset()
	call(200, "/api/v1/users/bob", [3]string{"10000", "9999", "58"})
}

func TestLimit_ResponseIsOktas(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddLimit(emulator.Limit{Path: "*", Method: "POST", PerMinute: 1})
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/suspend", "")
	if a := o.expect(429, "POST", "/api/v1/users/bob/lifecycle/suspend", ""); a.code() != "E0000047" {
		t.Error(a.body)
	}
	if got := o.user("bob").Status; got != "ACTIVE" {
		t.Error(got)
	}
	o.expect(200, "GET", "/api/v1/users/bob", "")
}

func TestLimit_Concurrency(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddLimit(emulator.Limit{Path: "*", Concurrent: 1})
	for range 3 { // the limit is released before the response arrives
		o.expect(200, "GET", "/api/v1/users", "")
	}
	o.AddFault(emulator.Fault{Path: "*/alice", LatencyMS: 600_000})
	ctx, cancel := contextWithCancel(t)
	done := occupy(ctx, o, "GET", "/api/v1/users/alice")
	for {
		a := o.do("GET", "/api/v1/users/bob", "")
		if a.status == 200 {
			continue // the slow request has not arrived yet
		}
		if got := o.rateLimit(a); a.status != 429 || a.code() != "E0000047" || got != [3]string{"0", "0", "1"} {
			t.Errorf("%d %s %v", a.status, a.body, got)
		}
		break
	}
	cancel()
	<-done
	for o.do("GET", "/api/v1/users/bob", "").status != 200 { // until the emulator detects the closed connection
	}
}
