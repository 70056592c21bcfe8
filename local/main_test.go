package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	topicadmin "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/local/pubsub"
)

func noEnv(string) string { return "" }

// running is a local product on free ports, with the addresses that it announced.
type running struct {
	functions, okta, token string
	transmitter, start     string
	pubsub                 string       // set by startLocal
	stop                   func() error // stops it as Ctrl-C does and returns the result of run
}

// environment returns a getenv with these variables.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// startLocal starts a product with an emulator.
func startLocal(t *testing.T, getenv func(string) string, args ...string) running {
	t.Helper()
	words := []string{"functions", "okta", "token", "PUBSUB_EMULATOR_HOST", "transmitter"}
	return startWith(t, getenv, words, append([]string{"-okta-addr", "127.0.0.1:0", "-transmitter-addr", "127.0.0.1:0"}, args...))
}

// startWith starts a product whose first lines of output begin with these words.
func startWith(t *testing.T, getenv func(string) string, words, args []string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		if args = append([]string{"-addr", "127.0.0.1:0"}, args...); !slices.Contains(args, "-write") {
			args = append([]string{"-pubsub-addr", "127.0.0.1:0"}, args...)
		}
		done <- run(ctx, args, getenv, write, io.Discard)
		_ = write.Close()
	}()
	var s running
	lines := bufio.NewScanner(read)
	into := map[string]*string{"functions": &s.functions, "okta": &s.okta, "token": &s.token,
		"PUBSUB_EMULATOR_HOST": &s.pubsub, "transmitter": &s.transmitter, "start-token": &s.start}
	for _, word := range words {
		if !lines.Scan() {
			t.Fatalf("no line %q; run returned %v", word, <-done)
		}
		value, ok := strings.CutPrefix(lines.Text(), word)
		value = strings.TrimLeft(value, " =")
		if !ok {
			t.Fatalf("line %q, want it to begin with %q", lines.Text(), word)
		}
		*into[word] = value
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	s.stop = func() error { cancel(); return <-done }
	t.Cleanup(cancel)
	return s
}

func request(t *testing.T, method, url, body string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if r.Header.Set(k, v); k == "Host" {
			r.Host = v
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestLocal_ServesEveryGroup(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	if status, body := request(t, http.MethodGet, s.functions+"/health", "", nil); status != 200 ||
		strings.TrimSpace(body) != `{"status":"ok"}` {
		t.Errorf("GET /health: %d %s", status, body)
	}
	for _, g := range handlers.Groups {
		if status, body := request(t, http.MethodGet, s.functions+"/"+g.Name+"/ping", "", nil); status != 200 ||
			!strings.Contains(body, "Successfully connected to the Okta organization "+s.okta) {
			t.Errorf("GET /%s/ping: %d %s", g.Name, status, body)
		}
	}
	status, body := request(t, http.MethodPost, s.functions+"/signals/send-itp-signal",
		`{"parameters": {"User Email": "alice@acme.test", "Timestamp": "2025-05-25T14:47:52+02:00",
			"Reason": "test", "Severity": "High"}}`,
		map[string]string{"Content-Type": "application/json"})
	if status != 200 || !strings.Contains(body, `"event_timestamp":1748177272000`) {
		t.Errorf("Send ITP Signal: %d %s", status, body)
	}
	var signals []struct{ Verified, Accepted bool }
	_, body = request(t, http.MethodGet, s.okta+"/_emulator/signals", "", nil)
	if err := json.Unmarshal([]byte(body), &signals); err != nil || len(signals) != 1 || !signals[0].Verified ||
		!signals[0].Accepted {
		t.Errorf("the emulator's signals: %s", body)
	}
	if status, _ := request(t, http.MethodGet, s.okta+"/api/v1/users/me", "",
		map[string]string{"Authorization": "SSWS " + s.token}); status != 200 {
		t.Errorf("the response to the announced token is %d", status)
	}
	if err := s.stop(); err != nil {
		t.Errorf("Ctrl-C ended with %v", err)
	}
}

func TestLocal_AuthenticatesWithEachMethod(t *testing.T) {
	t.Parallel()
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{"OKTA_USE_OAUTH": "true", "OKTA_CLIENT_ID": "0oaMine", "OKTA_KEY_ID": "mine",
		"OKTA_PRIVATE_KEY_SECRET": "env:MY_KEY", "MY_KEY": key.PEM().Reveal()}
	for name, c := range map[string]struct {
		getenv func(string) string
		args   []string
		asked  int // requests for the access tokens of the action and of its guardrails
	}{
		"an API token":            {noEnv, nil, 0},
		"a service app":           {noEnv, []string{"-auth", "oauth"}, 2},
		"a service app with DPoP": {noEnv, []string{"-auth", "oauth-dpop"}, 4},
		"the caller's own app":    {func(n string) string { return own[n] }, nil, 2},
		"that app with DPoP":      {func(n string) string { return own[n] }, []string{"-auth", "oauth-dpop"}, 4},
	} {
		s := startLocal(t, c.getenv, c.args...)
		status, body := request(t, http.MethodPost, s.functions+"/users/disable-user",
			`{"parameters": {"User IDs Or Logins": "alice", "Is Deactivate": false}}`,
			map[string]string{"Content-Type": "application/json"})
		if status != 200 || !strings.Contains(body, `"outcome":"changed"`) {
			t.Errorf("%s: Disable User: %d %s", name, status, body)
		}
		_, body = request(t, http.MethodGet, s.okta+"/_emulator/requests", "", nil)
		var log []struct {
			Path, Body string
			Headers    map[string]string
		}
		if err := json.Unmarshal([]byte(body), &log); err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, r := range log {
			if r.Path == "/oauth2/v1/token" {
				asked++
			}
		}
		if asked != c.asked || strings.Contains(body, "eyJ") {
			t.Errorf("%s: %d requests for access tokens, want %d: %s", name, asked, c.asked, body)
		}
		for _, g := range handlers.Groups {
			status, body := request(t, http.MethodGet, s.functions+"/"+g.Name+"/ping", "", nil)
			if status != 200 || c.asked > 0 && len(g.Actions[0].OktaScopes) > 0 && !strings.Contains(body,
				"The service app has the scopes okta.") {
				t.Errorf("%s: GET /%s/ping: %d %s", name, g.Name, status, body)
			}
		}
		if err := s.stop(); err != nil {
			t.Errorf("%s: Ctrl-C ended with %v", name, err)
		}
	}
}

func TestIndexPage_ListsActions(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	status, body := request(t, http.MethodGet, s.functions+"/", "", nil)
	if status != 200 {
		t.Fatalf("GET /: %d", status)
	}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if !strings.Contains(body, a.Name) || !strings.Contains(body, "/"+g.Name+"/"+a.Slug) {
				t.Errorf("the page lacks %s of %s", a.Name, g.Name)
			}
		}
	}
	if status, body := request(t, http.MethodPost, s.functions+"/disable-user", "", nil); status != 404 ||
		!strings.Contains(body, "/users/disable-user") {
		t.Errorf("an action without its group: %d %s", status, body)
	}
}

func TestLocal_RejectsForeignPages(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	port := s.functions[strings.LastIndex(s.functions, ":"):]
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"a rebound host name":    {map[string]string{"Host": "rebound.example" + port}, 403},
		"another port":           {map[string]string{"Host": "127.0.0.1:1"}, 403},
		"a host without port":    {map[string]string{"Host": "127.0.0.1"}, 403},
		"a foreign origin":       {map[string]string{"Origin": "https://rebound.example"}, 403},
		"no origin":              {nil, 200},
		"localhost":              {map[string]string{"Host": "localhost" + port}, 200},
		"its own page's origin":  {map[string]string{"Origin": s.functions}, 200},
		"an opaque origin":       {map[string]string{"Origin": "null"}, 403},
		"its own, another port":  {map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		"its own, by other name": {map[string]string{"Origin": "http://localhost" + port}, 403},
	} {
		if status, body := request(t, http.MethodGet, s.functions+"/users/ping", "", c.header); status != c.want {
			t.Errorf("%s: %d, want %d: %s", name, status, c.want, body)
		}
	}
}

func TestLocal_UsesEnvironment(t *testing.T) {
	t.Parallel()
	s := startLocal(t, environment(map[string]string{"OKTA_API_TOKEN_SECRET": "env:MY_TOKEN", "MY_TOKEN": "my-own-token",
		"MAX_TARGETS": "1"}))
	if s.token != "my-own-token" {
		t.Errorf("token %s, want that of OKTA_API_TOKEN_SECRET", s.token)
	}
	status, body := request(t, http.MethodPost, s.functions+"/users/disable-user",
		`{"parameters": {"User IDs Or Logins": "alice, bob"}}`,
		map[string]string{"Content-Type": "application/json"})
	if status != 400 || !strings.Contains(body, "MAX_TARGETS") {
		t.Errorf("two targets with MAX_TARGETS=1: %d %s", status, body)
	}
}

// disable disables alice and returns the reply.
func disable(t *testing.T, s running, options string) (int, string) {
	t.Helper()
	return request(t, http.MethodPost, s.functions+"/users/disable-user",
		`{"parameters": {"User IDs Or Logins": "alice", "Is Deactivate": false}, "options": {`+options+`}}`,
		map[string]string{"Content-Type": "application/json", startHeader: s.start})
}

func TestLocal_UsesRotatedTokenInFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first-canary")
	s := startLocal(t, environment(map[string]string{"OKTA_API_TOKEN_SECRET": "file:" + file}))
	for n, want := range []string{`"outcome":"changed"`, `"outcome":"unchanged"`, `"outcome":"unchanged"`} {
		if status, body := disable(t, s, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("with token %d: %d %s", n, status, body)
		}
		next := fmt.Sprintf("token-%d-canary", n)
		if status, body := request(t, http.MethodPost, s.okta+"/_emulator/token", `{"token": "`+next+`"}`,
			nil); status != 204 {
			t.Fatalf("%d %s", status, body)
		}
		if n == 1 { // a request before the file is changed
			if status, body := disable(t, s, ""); status != 502 || !strings.Contains(body, "OKTA_API_TOKEN_SECRET") {
				t.Errorf("with a revoked token: %d %s", status, body)
			}
		}
		write(next)
	}
}

// writesTo returns the requests to an emulator that are not GET.
func writesTo(t *testing.T, okta string) []string {
	t.Helper()
	_, body := request(t, http.MethodGet, okta+"/_emulator/requests", "", nil)
	var requests []struct{ Method, Path string }
	if err := json.Unmarshal([]byte(body), &requests); err != nil {
		t.Fatal(err)
	}
	writes := []string{}
	for _, r := range requests {
		if r.Method != http.MethodGet {
			writes = append(writes, r.Method+" "+r.Path)
		}
	}
	return writes
}

// refusesWithoutStartToken sends changes without the start token, and exchanges the token for a cookie.
func refusesWithoutStartToken(t *testing.T, s running) {
	t.Helper()
	const change = `{"parameters": {"User IDs Or Logins": "alice"}}`
	for _, path := range []string{"/users/disable-user", "//users/disable-user", "/users", "/users/pubsub", "/console/../users/disable-user"} {
		for _, header := range []map[string]string{
			{}, {startHeader: "wrong"}, {startHeader: ""}, {"Cookie": startCookie + "=wrong"}, {"Cookie": startCookie + "="},
		} {
			status, body := request(t, http.MethodPost, s.functions+path, change, header)
			if status != http.StatusUnauthorized && status != http.StatusNotFound || strings.Contains(body, s.start) {
				t.Errorf("%s with %v: %d %s", path, header, status, body)
			}
		}
	}
	if status, body := request(t, http.MethodGet, s.functions+"/users/ping", "", nil); status != http.StatusOK {
		t.Errorf("a read: %d %s", status, body)
	}
	exchange := s.functions + "/console/start"
	for _, body := range []string{`{"token": "wrong"}`, `{"token": ""}`, "{}", "", `{"token": "` + strings.Repeat("x", 4096) + `"}`} {
		if status, text := request(t, http.MethodPost, exchange, body, nil); status != http.StatusForbidden {
			t.Errorf("%.40s: %d %s", body, status, text)
		}
	}
	res, err := http.Post(exchange, "application/json", strings.NewReader(`{"token": " `+s.start+` "}`)) //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	cookies := res.Cookies()
	if res.StatusCode != http.StatusNoContent || len(cookies) != 1 || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%d with the cookies %v", res.StatusCode, cookies)
	}
	withCookie := map[string]string{"Content-Type": "application/json", "Cookie": cookies[0].String()}
	_, body := request(t, http.MethodPost, s.functions+"/users/disable-user",
		`{"parameters": {"User IDs Or Logins": "alice"}, "options": {"dry_run": true}}`, withCookie)
	if !strings.Contains(body, `"planned"`) {
		t.Errorf("with the cookie: %s", body)
	}
}

// The emulator of another product replaces the org.
func TestRealOrg_IsChangedOnlyWithWrite(t *testing.T) {
	t.Parallel()
	org := startLocal(t, noEnv)
	env := environment(map[string]string{
		"OKTA_API_TOKEN_SECRET": "env:MY_TOKEN", "MY_TOKEN": org.token,
		"ITP_SIGNING_KEY_SECRET": "env:MY_KEY", "MY_KEY": mustPEM(t), "ITP_KEY_ID": "key-1",
		"ITP_ISSUER_URL": "https://soc.acme.test",
	})
	words := []string{"functions", "okta"}
	s := startWith(t, env, words, []string{"-okta", org.okta})
	if s.okta != org.okta {
		t.Errorf("okta %s, want %s", s.okta, org.okta)
	}
	if status, body := request(t, http.MethodGet, s.functions+"/users/ping", "", nil); status != 200 ||
		strings.Contains(body, "dry run") {
		t.Errorf("%d %s", status, body)
	}
	for _, options := range []string{"", `"dry_run": false`, `"verify": true`} {
		status, body := disable(t, s, options)
		if status != 200 || !strings.Contains(body, `"status":"planned"`) ||
			!strings.Contains(body, "started without -write") {
			t.Errorf("{%s}: %d %s", options, status, body)
		}
	}
	if _, body := disable(t, s, `"dry_run": true`); strings.Contains(body, "-write") {
		t.Errorf("the reply to a requested dry run mentions -write: %s", body)
	}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			if !a.Mutates {
				continue
			}
			body, err := json.Marshal(map[string]any{"parameters": a.Example.Parameters})
			if err != nil {
				t.Fatal(err)
			}
			_, reply := request(t, http.MethodPost, s.functions+"/"+g.Name+"/"+a.Slug, string(body),
				map[string]string{"Content-Type": "application/json"})
			if !strings.Contains(reply, "started without -write") || !strings.Contains(reply, `"planned"`) ||
				strings.Contains(reply, `"outcome":"changed"`) {
				t.Errorf("%s: %s", a.Name, reply)
			}
		}
	}
	if writes := writesTo(t, org.okta); len(writes) > 0 {
		t.Errorf("writes to the org: %v", writes)
	}
	s = startWith(t, env, append(words, "start-token"), []string{"-okta", org.okta, "-write"})
	refusesWithoutStartToken(t, s)
	if writes := writesTo(t, org.okta); len(writes) > 0 {
		t.Errorf("writes to the org without the start token: %v", writes)
	}
	if status, body := disable(t, s, ""); status != 200 || !strings.Contains(body, `"outcome":"changed"`) ||
		strings.Contains(body, "-write") {
		t.Errorf("with -write: %d %s", status, body)
	}
	if writes := writesTo(t, org.okta); len(writes) != 1 || !strings.HasSuffix(writes[0], "/lifecycle/suspend") {
		t.Errorf("writes to the org: %v", writes)
	}
}

func mustPEM(t *testing.T) string {
	t.Helper()
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	return key.PEM().Reveal()
}

func TestLocal_ReportsMistakeOnOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	const real = "https://acme.okta.com"
	for name, c := range map[string]struct {
		args   []string
		getenv func(string) string
		want   string
	}{
		"a used port": {[]string{"-addr", taken.Addr().String()}, noEnv, "port " + port + " is in use"},
		"a used Okta port": {[]string{"-addr", "127.0.0.1:0", "-okta-addr", taken.Addr().String()}, noEnv,
			"port " + port + " is in use"},
		"not loopback":   {[]string{"-addr", "0.0.0.0:0"}, noEnv, "not a loopback address"},
		"not an address": {[]string{"-addr", "8080"}, noEnv, "not an address"},
		"all ports used": {[]string{"-addr", taken.Addr().String(), "-okta-addr", taken.Addr().String(), "-pubsub-addr",
			taken.Addr().String()}, noEnv,
			"port " + port + " is in use: stop the process that uses it, or select a free port with -addr 127.0.0.1:0; " +
				"port " + port + " is in use: stop the process that uses it, or select a free port with -okta-addr 127.0.0.1:0; " +
				"port " + port + " is in use: stop the process that uses it, or select a free port with -pubsub-addr 127.0.0.1:0"},
		"an unknown command": {[]string{"invok"}, noEnv,
			`unknown command "invok"; the commands are invoke, undo, publish, results, wire, help`},
		"a command too late": {[]string{"-addr", "127.0.0.1:0", "invoke"}, noEnv,
			"the command must be the first argument: go run ./local invoke"},
		"help for nothing":     {[]string{"help", "Disable", "Usr"}, noEnv, `unknown command or action "Disable Usr"`},
		"an unknown flag":      {[]string{"-adr", "x"}, noEnv, "-adr; see go run ./local -h"},
		"a command's bad flag": {[]string{"invoke", "-adr", "x"}, noEnv, "-adr; see go run ./local invoke -h"},
		"a real org's unreadable secrets": {[]string{"-addr", "127.0.0.1:0", "-okta", real}, environment(map[string]string{
			"OKTA_API_TOKEN_SECRET": "file:/nowhere/canary-token", "ITP_SIGNING_KEY_SECRET": "env:KEY",
			"ITP_ISSUER_URL": "https://soc.acme.test", "ITP_KEY_ID": "k", "KEY": "no key",
		}), "-okta needs the secrets of a real org: OKTA_API_TOKEN_SECRET: "},
		"a real org's signing key": {[]string{"-addr", "127.0.0.1:0", "-okta", real}, environment(map[string]string{
			"OKTA_API_TOKEN_SECRET": "env:T", "T": "00abcdefghijklmnopqrstuvwxyz0123456789AbCd",
			"ITP_SIGNING_KEY_SECRET": "env:KEY", "ITP_ISSUER_URL": "https://soc.acme.test", "ITP_KEY_ID": "k", "KEY": "no key",
		}), "ITP_SIGNING_KEY_SECRET: "},
		"a real org's token that is a key": {[]string{"-addr", "127.0.0.1:0", "-okta", real}, environment(map[string]string{
			"OKTA_API_TOKEN_SECRET": "env:T", "T": mustPEM(t),
		}), "OKTA_API_TOKEN_SECRET: this is a private key"},
		"an unknown auth":     {[]string{"-auth", "basic"}, noEnv, "-auth basic"},
		"an unknown function": {nil, environment(map[string]string{"FUNCTION_TARGET": "OktaUser"}), "OktaUsers"},
		"a real org without -okta": {[]string{"-addr", "127.0.0.1:0"},
			environment(map[string]string{"OKTA_API_ROOT": "https://acme.okta.com"}),
			"to use a real org, start with -okta https://acme.okta.com"},
		"a real org without credentials": {[]string{"-addr", "127.0.0.1:0", "-okta", real}, noEnv,
			"OKTA_API_TOKEN_SECRET (Api Token) is not set"},
		"a real org, not by https": {[]string{"-addr", "127.0.0.1:0", "-okta", "http://acme.okta.com"}, noEnv,
			"must begin with https://"},
		"a real org and another": {[]string{"-okta", real},
			environment(map[string]string{"OKTA_API_ROOT": "https://other.okta.com"}), "use only one of them"},
		"a real org and a way to the emulator": {[]string{"-okta", real, "-auth", "oauth"}, noEnv,
			"-auth is a setting of the emulator"},
		"a real org and a place for it": {[]string{"-okta", real, "-okta-addr", "127.0.0.1:0"}, noEnv,
			"-okta-addr is a setting of the emulator"},
		"a real org and a function": {[]string{"-okta", real},
			environment(map[string]string{"FUNCTION_TARGET": "OktaUsers"}), "FUNCTION_TARGET cannot be used with -okta"},
		"-write with Pub/Sub": {[]string{"-okta", real, "-write", "-pubsub-addr", "127.0.0.1:0"}, noEnv,
			"-pubsub-addr cannot be used with -write: any process of this machine could publish"},
		"-write alone": {[]string{"-write"}, noEnv, "-write requires -okta"},
		"a missing secret": {[]string{"-addr", "127.0.0.1:0", "-okta-addr", "127.0.0.1:0"},
			environment(map[string]string{"OKTA_API_TOKEN_SECRET": "env:NOT_SET"}), "OKTA_API_TOKEN_SECRET"},
	} {
		err := run(t.Context(), c.args, c.getenv, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, c.want)
		}
	}
}

func TestInvoke_PrintsOutcomes(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	addr := strings.TrimPrefix(s.functions, "http://")
	for name, c := range map[string]struct {
		args []string
		want []string // in the output, in order
		err  error
	}{
		"every target has its line": {
			[]string{"Disable User", "User IDs Or Logins=alice,erin,zed", "Is Deactivate=false", "-dry-run"},
			[]string{"TARGET", "alice@acme.test", "planned", "ACTIVE", "SUSPENDED", "erin", "wrong_state", "zed", "not_found",
				"E0000007", "partial: "}, errNotDone},
		"a list shows its objects": {[]string{"list-providers", "Limit=2"}, []string{"ID", "NAME", "0oa", "ACTIVE",
			"success: Found 2 providers."}, nil},
		"the whole reply": {[]string{"-json", "Get User", "users=x"}, []string{`"error"`, `"invalid_request"`},
			errNotDone},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"invoke", "-addr", addr}, c.args...), noEnv, &out, io.Discard)
		if err != c.err {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		rest := out.String()
		for _, want := range c.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: %q is missing or out of order in\n%s", name, want, out.String())
				break
			}
			rest = after
		}
	}
}

func TestInvoke_StartsTemporaryProduct(t *testing.T) {
	t.Parallel()
	var out, notes bytes.Buffer
	exists := healthy(t.Context(), "http://"+defaultAddr) // a developer may run one
	err := run(t.Context(), []string{"invoke", "Ping"}, noEnv, &out, &notes)
	if err != nil || !strings.Contains(out.String(), "Successfully connected") || strings.Contains(notes.String(),
		"temporary") == exists {
		t.Errorf("%v\n%s%s", err, out.String(), notes.String())
	}
}

// Each of the arguments could act on another product, other users or another host.
func TestInvoke_RejectsAmbiguousArguments(t *testing.T) {
	t.Parallel()
	for say, args := range map[string][]string{
		"Disable User":                           {"-addr", "127.0.0.1:1", "Disable Usr"}, // lists the names
		"no product runs at http://127.0.0.1:1":  {"-addr", "127.0.0.1:1", "Ping"},
		"-addr example.com:80 is not a loopback": {"-addr", "example.com:80", "Ping"},
		"-addr nonsense is not a loopback":       {"-addr", "nonsense", "Ping"},
		"User IDs occurs twice":                  {"Disable User", "User IDs=alice", "User IDs=bob"},
		`"User IDs" is not a parameter with`:     {"Get User", "User IDs"},
		`"=alice" is not a parameter with`:       {"Get User", "=alice"},
	} {
		err := run(t.Context(), append([]string{"invoke"}, args...), noEnv, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v, want %q", args, err, say)
		}
	}
}

func TestInvoke_SendsHeader(t *testing.T) {
	t.Parallel()
	const key = "canary-0123456789-0123456789"
	s := startLocal(t, environment(map[string]string{
		"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "env:KEYS",
		"KEYS": `[{"id": "me", "key": "` + key + `", "actions": ["*"]}]`,
	}))
	for header, want := range map[string]string{"X-Api-Key: " + key: "success: ",
		"X-Api-Key: " + key + "x": "the caller is not authenticated"} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"invoke", "-addr", strings.TrimPrefix(s.functions, "http://"), "-header", header,
			"Get User", "User IDs=alice"}, noEnv, &out, io.Discard)
		if !strings.Contains(out.String(), want) || (err == nil) != (want == "success: ") {
			t.Errorf("%s: %v %s", want, err, out.String())
		}
	}
}

func TestInvoke_PrintsCreatedSecrets(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	for name, c := range map[string]struct {
		args []string
		want string // a pattern of the end of the output; "" for no secrets
	}{
		"a link of each user": {[]string{"Reset Password", "User IDs=alice,zed,bob"},
			`\n\nThe action created these secrets. Okta does not show them again:\n` +
				`alice +resetPasswordUrl +http://\S+/reset_password/\w+\nbob +resetPasswordUrl +http://\S+\n$`},
		"a random password": {[]string{"Set Password", "User IDs=alice", "New Password=Canary-Pass-1",
			"Add 10 Random Chars=true"}, `\nalice +password +Canary-Pass-1.{10}\n$`},
		"an activation": {[]string{"Enable User", "User IDs=frank", "Send Email If Activate=false"},
			`\nfrank +activationUrl +http\S+\nfrank +activationToken +\w+\n$`},
		"a password as given": {[]string{"Set Password", "User IDs=alice", "New Password=Canary-Passw0rd-1"}, ""},
		"a dry run":           {[]string{"-dry-run", "Reset Password", "User IDs=alice"}, ""},
	} {
		var out bytes.Buffer
		_ = run(t.Context(), append([]string{"invoke", "-addr", strings.TrimPrefix(s.functions, "http://")}, c.args...),
			noEnv, &out, io.Discard)
		if c.want == "" && (strings.Contains(out.String(), "secrets") || strings.Contains(strings.ToLower(out.String()),
			"canary")) ||
			!regexp.MustCompile(c.want).MatchString(out.String()) {
			t.Errorf("%s: no %s in\n%s", name, c.want, out.String())
		}
	}
}

func TestHelp_DescribesCommandsAndActions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-h"}, []string{"usage: go run ./local [flags]\n", "go run ./local invoke [flags]", "-okta-addr address",
			"-version", "Disable User", "Send ITP Signal", "\n  Ping "}},
		{[]string{"help"}, []string{"usage: go run ./local [flags]\n", "-okta-addr address", "Disable User"}},
		{[]string{"help", "help"}, []string{"go run ./local help [COMMAND or ACTION]"}},
		{[]string{"help", "results"}, []string{"usage: go run ./local results [flags]\n", "-all", "at most 10000"}},
		{[]string{"results", "-h"}, []string{"usage: go run ./local results [flags]\n", "-all"}},
		{[]string{"publish", "-h"}, []string{"usage: go run ./local publish [flags] GROUP JSON\n", "-key key"}},
		{[]string{"invoke", "-h"}, []string{"usage: go run ./local invoke [flags] ACTION", "-dry-run", "Disable User"}},
		{[]string{"invoke", "disable-user", "-h"}, []string{"-dry-run", "Disable User: ", "POST /users/disable-user",
			"Is Deactivate "}},
		{[]string{"help", "set", "password"}, []string{
			`invoke "Set Password" 'PARAMETER=VALUE'`, "OAuth scopes: okta.users.", "PARAMETER", "DEFAULT",
			"User IDs Or Logins ", "list ", "Also named User IDs.",
			"New Password ", "string ", "Required. Secret. ", "Add 10 Random Chars ", "boolean ", "false "}},
		{[]string{"help", "List Users"}, []string{"Limit ", "integer ", "200 ", "1 to 5000."}},
		{[]string{"help", "ping"}, []string{"It has no parameters."}},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), c.args, noEnv, &out, io.Discard); err != nil && err != flag.ErrHelp {
			t.Errorf("%q: %v", c.args, err)
		}
		rest := out.String()
		for _, want := range c.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%q: %q is missing or out of order in\n%s", c.args, want, out.String())
				break
			}
			rest = after
		}
	}
	for _, g := range handlers.Groups { // every parameter of every action is described
		for _, a := range g.Actions {
			var out bytes.Buffer
			if err := run(t.Context(), []string{"help", a.Name}, noEnv, &out, io.Discard); err != nil {
				t.Error(err)
			}
			for _, p := range a.Params {
				if !strings.Contains(out.String(), "\n"+p.Name+" ") || !strings.Contains(out.String(), p.Description) {
					t.Errorf("%s: %s is missing in\n%s", a.Name, p.Name, out.String())
				}
			}
		}
	}
}

func TestVersion_NamesTheBuild(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-version"}, noEnv, &out, io.Discard); err != nil ||
		!regexp.MustCompile(`^okta-secops \S.* go1\.\S+ \w+/\w+\n$`).MatchString(out.String()) {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestPaths_RepliesAreJSON(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	const body = `{"parameters": {"User IDs": "alice"}}`
	for _, c := range []struct {
		method, path string
		status       int
		say          string
	}{
		{"POST", "//users/get-user", 200, `"outcome":"found"`},
		{"POST", "/users//get-user", 200, `"outcome":"found"`},
		{"POST", "///users///get-user//", 200, `"outcome":"found"`},
		{"GET", "//users/ping", 200, "Successfully connected"},
		{"GET", "//health", 200, "ok"},
		{"POST", "/users/../groups/ping", 404, "no group serves"},
		{"POST", "/./users/get-user", 404, "no group serves"},
		{"POST", "/nothing", 404, "no group serves /nothing"},
		{"POST", "//get-user", 404, "Get User is at /users/get-user"},
		{"POST", "/users%2Fget-user", 404, ""},
		{"POST", "/", 404, "no group serves /"},
		{"DELETE", "/health", 404, ""},
		{"GET", "/users/get-user", 405, ""},
		{"PUT", "/users/ping", 405, ""},
		{"POST", "/users", 400, ""},
		{"GET", "/users/nothing", 404, ""},
	} {
		status, reply := request(t, c.method, s.functions+c.path, body, map[string]string{"Content-Type": "application/json"})
		if status != c.status || !strings.Contains(reply, c.say) || !json.Valid([]byte(reply)) {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, status, c.status, reply)
		}
	}
}

func TestLocal_StoresNewestRequestsAndMessages(t *testing.T) {
	t.Parallel()
	p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", pubsubAddr: "127.0.0.1:0", auth: authSSWS,
		getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	const extra = 5
	for range maxStored + extra {
		res, err := http.Get(p.okta + "/api/v1/users/me")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	res, err := http.Get(p.okta + "/_emulator/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var log []json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&log); err != nil || len(log) != maxStored ||
		res.Header.Get("X-Emulator-Dropped") != fmt.Sprint(extra) {
		t.Errorf("%d requests stored, %s dropped, %v", len(log), res.Header.Get("X-Emulator-Dropped"), err)
	}
	client, err := topicadmin.NewTopicAdminClient(t.Context(), pubsub.ClientOptions(p.broker.Addr)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var messages []*pubsubpb.PubsubMessage
	for n := range maxStored + extra {
		messages = append(messages, &pubsubpb.PubsubMessage{Data: []byte(fmt.Sprint(n))})
	}
	if _, err := client.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: pubsub.ResultsTopic,
		Messages: messages}); err != nil {
		t.Fatal(err)
	}
	if all := p.broker.Published(pubsub.ResultsTopic); len(all) != maxStored || string(all[0].Data) != fmt.Sprint(extra) {
		t.Errorf("%d messages stored, the first is %s", len(all), all[0].Data)
	}
}

func TestResults_PrintsResultsOfPublishedRequests(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	env := environment(map[string]string{"PUBSUB_EMULATOR_HOST": s.pubsub})
	command := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), args, env, &out, io.Discard)
		return out.String(), err
	}
	for _, args := range [][]string{
		{"publish", "users", `{"action": "Disable User", "parameters": {"User IDs": "alice", "Is Deactivate": false},
			"context": {"case_id": "4711"}}`},
		{"publish", "-action", "Clear Okta User Session", "-key", "case-4711", "sessions",
			`{"parameters": {"User IDs": "bob"}}`},
		{"publish", "Users", `{"action": "Set Password", "parameters": {"New Password": "canary-Passw0rd!"}}`},
		{"publish", "groups", `{`},
	} {
		if out, err := command(args...); err != nil || !strings.HasPrefix(out, "published m") {
			t.Errorf("%q: %q %v", args, out, err)
		}
	}
	if out, err := command("results", "-n", "6", "-all"); err != nil || strings.Count(out, "\n\n") != 6 {
		t.Errorf("%s %v", out, err)
	}
	out, err := command("results", "-all", "-n", "6") // reading does not remove messages
	if err != nil {
		t.Fatal(err)
	}
	if today := time.Now().Format("2006-01-02 "); strings.Count(out, "\n"+today)+strings.Count(out[:len(today)],
		today) != 6 {
		t.Errorf("not every result has its time: %s", out)
	}
	for _, want := range []string{
		"Disable User invocation_id=", " case_id=4711\n", "alice   alice@acme.test  changed  ACTIVE  SUSPENDED",
		"Clear Okta User Session invocation_id=", "DEAD LETTER Set Password invocation_id=",
		"secret_needs_http: ", "DEAD LETTER (no action) ", "invalid_request: data: is not JSON: it ends too early",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "canary") {
		t.Errorf("the password is in\n%s", out)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		args []string
		say  string
	}{
		{[]string{"publish", "users"}, "name a group (users, groups, "}, {[]string{"publish", "user", "{}"},
			`unknown group "user"`},
		{[]string{"publish", "users", "{}"}, "no Pub/Sub runs at " + s.pubsub},
		{[]string{"results"}, "no Pub/Sub runs at " + s.pubsub}, {[]string{"results", "users"}, `no argument "users"`},
		{[]string{"results", "-n", "-1"}, "-n -1 is negative"},
	} {
		if _, err := command(c.args...); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%q: %v, want %q", c.args, err, c.say)
		}
	}
}

func TestUndo_TakesASavedReplyBack(t *testing.T) {
	s := startLocal(t, noEnv)
	addr := strings.TrimPrefix(s.functions, "http://")
	_, reply := request(t, http.MethodPost, s.functions+"/users/disable-user",
		`{"parameters": {"User IDs": "alice, bob, breakglass", "Is Deactivate": false}}`, map[string]string{"Content-Type": "application/json"})
	if !strings.Contains(reply, "guardrail_protected") {
		t.Errorf("the sample policy does not protect breakglass: %s", reply)
	}
	file := filepath.Join(t.TempDir(), "reply.json")
	if err := os.WriteFile(file, []byte(reply), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, errNotDone} { // then no user is SUSPENDED
		var out bytes.Buffer
		err := run(t.Context(), []string{"undo", "-addr", addr, file}, noEnv, &out, io.Discard)
		if !errors.Is(err, want) || i == 0 && !strings.Contains(out.String(), "Enabled 2 users") || i == 1 && !strings.Contains(out.String(), "changed_since") {
			t.Errorf("%v: %s", err, out.String())
		}
	}
	for name, text := range map[string]string{"no reply": "[]", "no undo_requests": `{"not_undoable": [{"target": "a", "reason": "because"}]}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), []string{"undo", "-addr", addr, file}, noEnv, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGuardrails_CanBeOff(t *testing.T) {
	s := startLocal(t, noEnv, "-guardrails", "off")
	for user, want := range map[string]string{"breakglass": `"outcome":"changed"`, "svc-secops": "guardrail_own_identity"} {
		_, body := request(t, http.MethodPost, s.functions+"/users/disable-user",
			`{"parameters": {"User IDs": "`+user+`"}}`, map[string]string{"Content-Type": "application/json"})
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", user, body)
		}
	}
}

// The emulator verifies signals with the keys that it fetched from the transmitter; the keys end with the product.
func TestTransmitter_IsRegistered(t *testing.T) {
	t.Parallel()
	s := startLocal(t, noEnv)
	_, metadata := request(t, http.MethodGet, s.transmitter+ssf.MetadataPath, "", nil)
	if !strings.Contains(metadata, `"issuer":"`+s.transmitter+`"`) || !strings.Contains(metadata, s.transmitter+"/jwks.json") {
		t.Errorf("metadata: %s", metadata)
	}
	header := map[string]string{"Authorization": "SSWS " + s.token}
	_, list := request(t, http.MethodGet, s.okta+"/api/v1/security-events-providers", "", header)
	if !strings.Contains(list, `"status":"ACTIVE"`) || !strings.Contains(list, s.transmitter+ssf.MetadataPath) {
		t.Errorf("providers: %s", list)
	}
	status, body := request(t, http.MethodPost, s.functions+"/signals/send-itp-signal",
		`{"parameters": {"User Email": "alice@acme.test", "Timestamp": "`+time.Now().Format(time.RFC3339)+`", "Reason": "test", "Severity": "high"},
			"options": {"verify": true}}`, map[string]string{"Content-Type": "application/json"})
	if status != 200 || !strings.Contains(body, `"verified":true`) {
		t.Errorf("%d %s", status, body)
	}
	_, keys := request(t, http.MethodGet, s.transmitter+ssf.JWKSPath, "", nil)
	if strings.Count(keys, `"kid"`) != 1 || strings.Contains(keys, `"d"`) {
		t.Errorf("keys: %s", keys)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestTransmitter_KeysEndWithTheProduct(t *testing.T) {
	t.Parallel()
	p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", auth: authSSWS, getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(p.keys)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	p.close()
	if _, err := os.Stat(p.keys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", p.keys, err)
	}
}

// A signing key of the environment is published, with its own kid or with ITP_KEY_ID.
func TestTransmitter_PublishesKeyOfEnvironment(t *testing.T) {
	t.Parallel()
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	for kid, variables := range map[string]map[string]string{
		"own":     {"MY_KEY": key.PrivateJWK("own").Reveal()},
		"setting": {"MY_KEY": key.PEM().Reveal(), "ITP_KEY_ID": "setting"},
		"":        {"MY_KEY": key.PEM().Reveal()},
	} {
		variables["ITP_SIGNING_KEY_SECRET"] = "env:MY_KEY"
		p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", auth: authSSWS, getenv: environment(variables)})
		if kid == "" {
			if err == nil || !strings.Contains(err.Error(), "ITP_KEY_ID is not set") {
				t.Errorf("without a kid: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		if _, published := request(t, http.MethodGet, p.transmitter+ssf.JWKSPath, "", nil); published != string(key.JWKS(kid)) {
			t.Errorf("%s: %s", kid, published)
		}
	}
}
