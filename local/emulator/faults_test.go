package emulator_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

func TestFault_AppliesToMatchingRequests(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/faults", `{"path": "/api/v1/users/*/suspend", "method": "post", "times": 2, "status": 503}`)
	o.expect(200, "GET", "/api/v1/users/alice", "")
	for range 2 {
		if a := o.expect(503, "POST", "/api/v1/users/alice/lifecycle/suspend", ""); a.code() != "E0000010" {
			t.Error(a.body)
		}
	}
	if got := o.user("alice").Status; got != "ACTIVE" {
		t.Errorf("a request that a fault ended was executed: %s", got)
	}
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/suspend", "")
}

func TestFault_Glob(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		glob, path string
		matches    bool
	}{
		{"/api/v1/users", "/api/v1/users", true},
		{"/api/v1/users", "/api/v1/users/alice", false},
		{"/api/v1/users/*", "/api/v1/users/alice", true},
		{"/api/v1/users/*", "/api/v1/users/alice/groups", true},
		{"*", "/api/v1/idps", true},
		{"*/users/*/groups", "/api/v1/users/alice/groups", true},
		{"*/users/*/groups", "/api/v1/groups", false},
		{"/api/v1/users/bob@acme.test", "/api/v1/users/bob%40acme.test", true},
		{"/api/v1/users/bob%40acme.test", "/api/v1/users/bob%40acme.test", true},
		{"/api/v1/idps*idps", "/api/v1/idps", false},
	} {
		o := start(t)
		o.AddFault(emulator.Fault{Path: tc.glob, Status: 500})
		if got := o.do("GET", tc.path, "").status == 500; got != tc.matches {
			t.Errorf("%s on %s: %v", tc.glob, tc.path, got)
		}
	}
}

func TestFault_ResponsesAreOktas(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{
		400: "E0000001", 401: "E0000011", 403: "E0000006", 404: "E0000007", 409: "E0000112", 429: "E0000047", 500: "E0000009",
		502: "E0000009", 503: "E0000010",
	} {
		o := start(t)
		o.AddFault(emulator.Fault{Path: "*", Status: status})
		if a := o.expect(status, "GET", "/api/v1/users/alice", ""); a.code() != code ||
			a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%d: %s", status, a.body)
		}
	}
}

func TestFault_WithBodyAndHeaders(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddFault(emulator.Fault{Path: "*", Status: 200, Body: "<html>", Headers: map[string]string{
		"content-type": "text/html", "Retry-After": "7", "X-Rate-Limit-Reset": "", "Date": "",
	}})
	a := o.expect(200, "GET", "/api/v1/users/alice", "")
	got := []string{a.body, a.header.Get("Content-Type"), a.header.Get("Retry-After"), a.header.Get("X-Rate-Limit-Limit"),
		a.header.Get("X-Rate-Limit-Reset"), a.header.Get("Date")}
	if diff := cmp.Diff([]string{"<html>", "text/html", "7", "10000", "", ""}, got); diff != "" {
		t.Error(diff)
	}
}

// rateLimit returns the rate-limit headers, with the reset in seconds from now.
func (o *org) rateLimit(a response) [3]string {
	reset, _ := strconv.ParseInt(a.header.Get("X-Rate-Limit-Reset"), 10, 64)
	return [3]string{a.header.Get("X-Rate-Limit-Limit"), a.header.Get("X-Rate-Limit-Remaining"),
		strconv.FormatInt(reset-o.clock.Now().Unix(), 10)}
}

func TestFault_429IsConcurrencyLimit(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddFault(emulator.Fault{Path: "*", Status: 429, Times: 1})
	if got := o.rateLimit(o.expect(429, "GET", "/api/v1/users", "")); got != [3]string{"0", "0", "1"} {
		t.Error(got)
	}
	o.AddFault(emulator.Fault{Path: "*", Status: 429, Headers: map[string]string{
		"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0",
		"X-Rate-Limit-Reset": strconv.FormatInt(o.clock.Now().Unix()+30, 10),
	}})
	if got := o.rateLimit(o.expect(429, "GET", "/api/v1/users", "")); got != [3]string{"600", "0", "30"} {
		t.Error(got)
	}
}

func TestFault_DropDoesNotExecuteRequest(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddFault(emulator.Fault{Path: "*", Method: "POST", Drop: true, Times: 1})
	if a, err := o.send("POST", o.url+"/api/v1/users/alice/lifecycle/suspend", "", "Authorization",
		"SSWS emulator-token"); err == nil {
		t.Errorf("the client got a response: %+v", a)
	}
	if got := o.user("alice").Status; got != "ACTIVE" {
		t.Error(got)
	}
	if log := o.Requests(); len(log) != 1 || log[0].Status != 0 {
		t.Errorf("%+v", log)
	}
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/suspend", "")
}

func TestFault_DropInMiddleOfBody(t *testing.T) {
	t.Parallel()
	for body, begins := range map[string]string{`{"id": "00u1"}`: `{"id": `, "": " ", "x": "x"} {
		o := start(t)
		o.AddFault(emulator.Fault{Path: "*", Method: "GET", Drop: true, Status: 200, Body: body})
		a, err := o.send("GET", o.url+"/api/v1/users/alice", "", "Authorization", "SSWS emulator-token")
		if err == nil || a.status != 200 || a.body != begins {
			t.Errorf("%q: %d %q %v", body, a.status, a.body, err)
		}
	}
}

func TestFault_CarriedOutLosesOnlyResponse(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"lost":           {Drop: true},
		"broken off":     {Drop: true, Status: 200},
		"a server error": {Status: 502, Body: "<html>"},
		"nonsense":       {Status: 200, Body: "<html>"},
	} {
		o := start(t)
		f.Path, f.Method, f.CarriedOut = "*", "POST", true
		o.AddFault(f)
		a, err := o.send("POST", o.url+"/api/v1/users/alice/lifecycle/suspend", "", "Authorization", "SSWS emulator-token")
		if (err == nil) == f.Drop || a.status != f.Status || a.body != f.Body && !f.Drop {
			t.Errorf("%s: %d %q %v", name, a.status, a.body, err)
		}
		if got := o.user("alice").Status; got != "SUSPENDED" {
			t.Errorf("%s: the user is %s", name, got)
		}
		if log := o.Requests(); len(log) != 1 || log[0].Status != f.Status {
			t.Errorf("%s: %+v", name, log)
		}
	}
}

func TestFault_HangEndsWithClient(t *testing.T) {
	t.Parallel()
	for _, carriedOut := range []bool{false, true} {
		o := start(t)
		o.AddLimit(emulator.Limit{Path: "/api/v1/users/*", Concurrent: 1})
		o.AddFault(emulator.Fault{Path: "*/alice/*", Hang: true, CarriedOut: carriedOut})
		ctx, cancel := contextWithCancel(t)
		done := occupy(ctx, o, "POST", "/api/v1/users/alice/lifecycle/suspend")
		for o.do("GET", "/api/v1/users/bob", "").status == 200 { // until the request has arrived
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("the client got a response")
		}
		for o.do("GET", "/api/v1/users/bob", "").status == 429 { // until the emulator detects the closed connection
		}
		if got := o.user("alice").Status == "SUSPENDED"; got != carriedOut {
			t.Errorf("executed: %v, want %v", got, carriedOut)
		}
	}
}

func TestFault_SeveralMatch(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddFault(emulator.Fault{Path: "*", LatencyMS: 20})
	o.AddFault(emulator.Fault{Path: "/api/v1/users*", Status: 500, Times: 1})
	o.AddFault(emulator.Fault{Path: "/api/v1/users*", Status: 502, Times: 1})
	for _, want := range []int{500, 502, 200} {
		begun := time.Now()
		o.expect(want, "GET", "/api/v1/users", "")
		if took := time.Since(begun); took < 20*time.Millisecond {
			t.Errorf("the latency is not added: %v", took)
		}
	}
	o.Reset()
	o.AddFault(emulator.Fault{Path: "*", LatencyMS: 600_000, Times: 1})
	o.Reset()
	o.expect(200, "GET", "/api/v1/users", "")
}

func TestFault_LatencyDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.AddFault(emulator.Fault{Path: "/api/v1/users/alice*", LatencyMS: 600_000})
	abandoned := make(chan error, 1)
	ctx, cancel := contextWithCancel(t)
	go func() {
		abandoned <- sendWith(ctx, o, "POST", "/api/v1/users/alice/lifecycle/suspend")
	}()
	for len(o.Requests()) == 0 {
		o.expect(200, "GET", "/.well-known/okta-organization", "")
		o.expect(200, "GET", "/api/v1/users/bob", "")
	}
	cancel()
	if err := <-abandoned; err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
}
