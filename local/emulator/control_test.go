package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/okta-secops/local/emulator"
	"github.com/google/go-cmp/cmp"
)

func TestControl_RejectsForeignOrigins(t *testing.T) {
	t.Parallel()
	o := start(t)
	port := o.url[strings.LastIndex(o.url, ":"):]
	for _, tc := range []struct {
		header, value string
		status        int
	}{
		{"Host", "localhost" + port, 204},
		{"Host", "127.0.0.1" + port, 204},
		{"Host", "[::ffff:127.0.0.1]" + port, 204},
		{"Host", "localhost", 403},
		{"Host", "127.0.0.1:1", 403},
		{"Host", "127.8.9.1" + port, 403},
		{"Host", "[::1]" + port, 403},
		{"Host", "evil.test" + port, 403},
		{"Host", "localhost.evil.test" + port, 403},
		{"Host", "127.0.0.1.evil.test" + port, 403},
		{"Host", "10.0.0.1" + port, 403},
		{"Origin", o.url, 204},
		{"Origin", "https://evil.test", 403},
		{"Origin", "null", 403},
		{"Origin", strings.Replace(o.url, "http:", "https:", 1), 403},
		{"Origin", "http://127.0.0.1:1", 403},
	} {
		if a, err := o.send("POST", o.url+"/_emulator/reset", "", tc.header, tc.value); err != nil || a.status != tc.status {
			t.Errorf("%s: %s: %d %v, want %d", tc.header, tc.value, a.status, err, tc.status)
		}
	}
}

func TestEmulator_ServesOnlyLoopback(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Options{})
	for addr, status := range map[string]int{"127.0.0.1:999": 200, "[::1]:999": 200, "[::ffff:127.0.0.1]:9": 200,
		"192.0.2.1:999": 403, "[2001:db8::1]:9": 403, "": 403} {
		for _, path := range []string{"/.well-known/okta-organization", "/_emulator/requests"} {
			own := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80})
			r := httptest.NewRequestWithContext(own, "GET", "http://127.0.0.1"+path, nil)
			r.RemoteAddr = addr
			w := httptest.NewRecorder()
			if e.ServeHTTP(w, r); w.Code != status {
				t.Errorf("%s from %q: %d, want %d", path, addr, w.Code, status)
			}
		}
	}
}

func TestControl_ErrorNamesField(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, tc := range []struct{ path, body, problem string }{
		{"/faults", `{}`, "path: "},
		{"/faults", `{"path":"*"}`, "status: "},
		{"/faults", `{"path":"*","status":"500"}`, "status: "},
		{"/faults", `{"path":"*","status":99}`, "status: "},
		{"/faults", `{"path":"*","status":500,"times":-1}`, "times: "},
		{"/faults", `{"path":"*","latency_ms":-1}`, "latency_ms: "},
		{"/faults", `{"path":"*","status":500,"hang":true}`, "hang: "},
		{"/faults", `{"path":"*","drop":true,"hang":true}`, "hang: "},
		{"/faults", `{"path":"*","latency_ms":5,"carried_out":true}`, "carried_out: "},
		{"/faults", `{"path":"*","drop":true,"body":"x"}`, "status: "},
		{"/faults", `{"path":"*","status":500,"latency":5}`, "latency: "},
		{"/faults", `{"path":"*","status":500} {}`, "the body"},
		{"/faults", `[]`, "the body"},
		{"/limits", `{"path":"*"}`, "per_minute: "},
		{"/limits", `{"per_minute":1}`, "path: "},
		{"/limits", `{"path":"*","concurrent":-1}`, "concurrent: "},
		{"/token", `{"token":""}`, "token: "},
		{"/token", `{"token":"a b"}`, "token: "},
		{"/app", `{}`, "scopes: "},
		{"/app", `{"scopes":"okta.users.read"}`, "scopes: "},
		{"/users?count=0", "", "count: "},
		{"/users?count=x", "", "count: "},
		{"/users", "", "count: "},
	} {
		a, err := o.send("POST", o.url+"/_emulator"+tc.path, tc.body)
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Error string }
		if a.into(t, &body); a.status != 400 || !strings.HasPrefix(body.Error, tc.problem) {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, a.status, a.body)
		}
	}
	o.expect(200, "GET", "/api/v1/users", "")
}

func TestToken_CanBeReplaced(t *testing.T) {
	t.Parallel()
	o := startWith(t, emulator.Options{Token: "first"})
	with := func(token string) int {
		a, err := o.send("GET", o.url+"/api/v1/users/me", "", "Authorization", "SSWS "+token)
		if err != nil {
			t.Fatal(err)
		}
		return a.status
	}
	if o.Token() != "first" || with("first") != 200 {
		t.Error(o.Token())
	}
	o.steer("POST", "/token", `{"token":"second"}`)
	if o.Token() != "second" || with("first") != 401 || with("second") != 200 {
		t.Error(o.Token())
	}
	o.steer("POST", "/token", `{"token":"third", "keep": true}`)
	if o.Token() != "third" || with("first") != 401 || with("second") != 200 || with("third") != 200 {
		t.Error(o.Token())
	}
	o.steer("POST", "/reset", "")
	if o.Token() != "first" || with("first") != 200 {
		t.Error(o.Token())
	}
}

func TestReset_RestoresSeed(t *testing.T) {
	t.Parallel()
	o := start(t)
	o.steer("POST", "/users?count=3", "")
	o.steer("POST", "/users?count=2", "")
	if got := o.user("load4"); got.Status != "ACTIVE" {
		t.Error(got)
	}
	o.expect(200, "POST", "/api/v1/users/alice/lifecycle/deactivate", "")
	o.AddGroup("Extra", "")
	o.AddFault(emulator.Fault{Path: "*", Status: 500})
	o.AddLimit(emulator.Limit{Path: "*", PerMinute: 1})
	o.steer("POST", "/reset", "")
	if got := o.Requests(); len(got) != 0 {
		t.Error(got)
	}
	for range 2 {
		o.expect(404, "GET", "/api/v1/users/load0", "")
	}
	if _, ok := o.Group("Extra"); ok || o.user("alice").Status != "ACTIVE" {
		t.Error("Reset does not remove the earlier state")
	}
}

func TestRequestLog_MasksSecrets(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, body := range []string{
		`{"credentials":{"password":{"value":"N3w-Secret!"}}}`,
		`{"credentials":{"password":"N3w-Secret!"}}`,
		`{"credentials":{"password":{"value":"N3w-Secret!"`,
	} {
		o.do("POST", "/api/v1/users/bob%40acme.test?strict=true", body)
	}
	_, err := o.send("GET", o.url+"/api/v1/users", "", "Authorization", "SSWS topsecret", "DPoP", "proof")
	if err != nil {
		t.Fatal(err)
	}
	a := o.steer("GET", "/requests", "")
	for _, secret := range []string{"N3w-Secret!", emulator.DefaultToken, "topsecret", "proof"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("the log contains %q: %s", secret, a.body)
		}
	}
	var log []emulator.LoggedRequest
	a.into(t, &log)
	type line struct {
		Method, Path, Query, Body, Auth, DPoP string
		Status                                int
	}
	var got []line
	for _, r := range log {
		if !r.Time.Equal(o.clock.Now()) {
			t.Error(r.Time)
		}
		got = append(got, line{r.Method, r.Path, r.Query, r.Body, r.Headers["Authorization"],
			r.Headers[http.CanonicalHeaderKey("DPoP")], r.Status})
	}
	const path, hidden = "/api/v1/users/bob%40acme.test", "[redacted]"
	if diff := cmp.Diff([]line{
		{"POST", path, "strict=true", `{"credentials":{"password":{"value":"[redacted]"}}}`, hidden, "", 200},
		{"POST", path, "strict=true", `{"credentials":{"password":"[redacted]"}}`, hidden, "", 400},
		{"POST", path, "strict=true", hidden, hidden, "", 400},
		{"GET", "/api/v1/users", "", "", hidden, hidden, 401},
	}, got); diff != "" {
		t.Error(diff)
	}
	o.steer("DELETE", "/requests", "")
	if a := o.steer("GET", "/requests", ""); a.body != "[]" {
		t.Error(a.body)
	}
}

func TestControl_ListsItsEndpoints(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, path := range []string{"/", ""} {
		var list []struct{ Method, Path, Help string }
		o.steer("GET", path, "").into(t, &list)
		found := map[string]bool{}
		for _, e := range list {
			found[e.Method+" "+e.Path] = true
			if e.Help == "" {
				t.Errorf("%s %s has no help in controlHelp", e.Method, e.Path)
			}
			if a, err := o.send("PATCH", o.url+e.Path, ""); err != nil || a.status != 405 {
				t.Errorf("PATCH %s: %d %v: it is listed and does not exist", e.Path, a.status, err)
			}
		}
		for _, want := range []string{
			"GET /_emulator/", "POST /_emulator/reset", "GET /_emulator/requests", "DELETE /_emulator/requests",
			"POST /_emulator/faults",
			"GET /_emulator/signals", "POST /_emulator/users", "POST /_emulator/limits", "POST /_emulator/token",
		} {
			if !found[want] {
				t.Errorf("GET /_emulator%s lacks %s: %v", path, want, list)
			}
		}
	}
}

func TestEmulator_ErrorsAreJSON(t *testing.T) {
	t.Parallel()
	o := start(t)
	for _, c := range []struct {
		method, path string
		status       int
		say          string
	}{
		{"GET", "/_emulator/nothing", 404, "GET /_emulator/ lists the endpoints"},
		{"GET", "/_emulator//requests", 200, ""},
		{"GET", "/_emulator/requests/", 200, ""},
		{"PUT", "/_emulator/requests", 405, "DELETE, GET"},
		{"GET", "/_emulator/reset", 405, "POST"},
		{"POST", "/_emulator/", 405, "GET"},
		{"GET", "/nothing", 404, "E0000008"},
		{"GET", "//api/v1/users", 404, "E0000008"},
		{"GET", "/api/v1/users/", 404, "E0000008"},
		{"PATCH", "/api/v1/users/alice", 404, "E0000008"},
		{"GET", "/oauth2/v1/token", 404, "E0000008"},
		{"DELETE", "/", 404, "E0000008"},
	} {
		a, err := o.send(c.method, o.url+c.path, "", "Authorization", "SSWS "+emulator.DefaultToken)
		var body any
		if err != nil || a.status != c.status || a.header.Get("Content-Type") != "application/json" ||
			!strings.Contains(a.body, c.say) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, a.status, err, a.body)
		}
		a.into(t, &body)
	}
}

func TestRequestLog_StoresNewest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := startWith(t, emulator.Options{Keep: 3, Log: slog.New(slog.NewTextHandler(&log, nil))})
	check := func(dropped string, first string) {
		t.Helper()
		a := o.steer("GET", "/requests", "")
		var kept []emulator.LoggedRequest
		if a.into(t, &kept); len(kept) > 3 || a.header.Get("X-Emulator-Dropped") != dropped || len(kept) > 0 &&
			kept[0].Query != first {
			t.Errorf("dropped %q, stored %+v", a.header.Get("X-Emulator-Dropped"), kept)
		}
	}
	check("0", "")
	for i := range 8 {
		o.do("GET", fmt.Sprintf("/api/v1/users?limit=%d", i+1), "")
	}
	check("5", "limit=6")
	if got := strings.Count(log.String(), "\n"); got != 2 || !strings.Contains(log.String(), "dropped=4") {
		t.Errorf("want one line per 3 dropped requests: %s", log.String())
	}
	o.steer("DELETE", "/requests", "")
	check("0", "")
}
