package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/console"
	"example.com/okta-secops/local/emulator"
	localpubsub "example.com/okta-secops/local/pubsub"
)

// until waits until an expression is true, also in a page that replaces this one.
func (b *tab) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		err := chromedp.Run(b.ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(time.Minute)))
		if err == nil {
			return
		}
		if time.Now().After(deadline) || b.ctx.Err() != nil {
			b.t.Fatalf("%s: %v in\n%s", expression, err, b.eval(`document.body.innerText`))
		}
	}
}

// rows returns the text of the rows of a table's body, the cells separated by a bar.
func (b *tab) rows(selector string) string {
	b.t.Helper()
	return b.eval(`[...document.querySelectorAll('` + selector + ` tr')].map(tr => [...tr.children].map(td => td.textContent.trim().replace(/\s+/g, ' ')).join('|')).join('\n')`)
}

// fill puts a text into a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); return 0 })(document.querySelector(%q))`, text, selector))
}

// submit puts a text into a field and submits its form, as Enter does. It works while a page is being replaced.
func (b *tab) submit(selector, text string) {
	b.t.Helper()
	b.fill(selector, text)
	b.eval(fmt.Sprintf(`document.querySelector(%q).form.requestSubmit(); 0`, selector))
}

// press clicks an element. It works while a page is being replaced.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`document.querySelector(%q).click(); 0`, selector))
}

func TestConsole_OrganizationShowsUsersAndTheirHistory(t *testing.T) {
	b, p := newTab(t, 1280)
	b.open("/console/organization")
	if got := b.rows("main tbody"); !strings.Contains(got, "alice@acme.test|ACTIVE|Everyone, Engineering, VPN Users|none|3|2|none") ||
		!strings.Contains(got, "helpdesk@acme.test|ACTIVE|Everyone, Helpdesk, VPN Users|HELP_DESK_ADMIN (by a group)|0|1|none") {
		t.Errorf("the users are\n%s", got)
	}
	b.fill("#count", "10000")
	b.press("#create")
	b.until(`document.querySelector('.title .note')?.textContent === '10013 users'`)
	b.submit("#search", "LOAD99")
	b.until(`document.querySelector('.title .note')?.textContent === '111 users'`)
	b.press(".paging a")
	b.until(`document.querySelector('.paging')?.textContent.includes('51 to 100 of 111')`)
	if got := b.rows("main tbody"); strings.Count(got, "load99") != 50 {
		t.Errorf("the second page is\n%s", got)
	}
	b.open("/console/organization?page=99999999999999999999&q=%3Cscript%3E")
	if got := b.text(".empty"); !strings.Contains(got, "No user has this login") {
		t.Errorf("a page after the last: %s", got)
	}
	b.open("/console/organization")
	b.press("#reset")
	b.until(`document.querySelector('.title .note')?.textContent === '13 users'`)

	_ = reply(t, p.functions+"/users/set-user-risk", `{"parameters": {"User IDs Or Logins": "alice", "Level": "HIGH", "Reason": "Case 7"}}`)
	_ = reply(t, p.functions+"/users/disable-user", `{"parameters": {"User IDs Or Logins": "alice", "Is Deactivate": false}}`)
	_ = reply(t, p.functions+"/signals/send-itp-signal", `{"parameters": {"User Email": "alice@acme.test", "Timestamp": "2026-01-05T10:00:00Z", "Reason": "test", "Severity": "High"}}`)
	b.do(chromedp.Click(`a[href*="/console/organization/`+userID(t, p, "alice")+`"]`, chromedp.ByQuery), chromedp.WaitVisible("#timeline"))
	if got := b.text("main dl"); !strings.Contains(got, "HIGH") || !strings.Contains(got, "Alice Anderson") || strings.Contains(got, "Passw0rd") {
		t.Errorf("the user is %s", got)
	}
	history := b.rows("#timeline")
	for _, want := range []string{
		"|event|user.risk.change|SUCCESS|by svc-secops@acme.test", "|event|user.lifecycle.suspend|SUCCESS|by svc-secops@acme.test",
		"|request|POST /api/v1/users/" + shortID(userID(t, p, "alice")) + "/lifecycle/suspend|200 OK|", "|signal|user-risk-change|accepted|",
		"|event|user.session.start|FAILURE|from Lagos, Nigeria (198.51.100.7), INVALID_CREDENTIALS",
	} {
		if !strings.Contains(history, want) {
			t.Errorf("no %s in\n%s", want, history)
		}
	}
	b.do(chromedp.Click(`a[href*="/users/enable-user?user=alice"]`, chromedp.ByQuery), chromedp.WaitVisible("#form"))
	if got := b.eval(`document.querySelector('.chips li').dataset.value + ', ' + document.querySelector('#go').textContent`); got != "alice@acme.test, Enable User: 1 user" {
		t.Errorf("the form has %s", got)
	}
	for _, path := range []string{"/console/organization/nobody-here", "/console/organization/me"} {
		if res, err := http.Get(p.functions + path); err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusNotFound { //nolint:noctx // of a test
			t.Errorf("%s: %v", path, err)
		}
	}
}

// shortID returns an ID as tables show it.
func shortID(id string) string { return id[:4] + "…" + id[len(id)-4:] }

func userID(t *testing.T, p *product, login string) string {
	t.Helper()
	u, ok := p.emulator.User(login)
	if !ok {
		t.Fatal(login)
	}
	return u.ID
}

// TestConsole_SwitchesAreShownOnEveryPage switches on everything that the emulator has, and off again.
func TestConsole_SwitchesAreShownOnEveryPage(t *testing.T) {
	o := onFreePorts()
	o.auth = authOAuth
	b, p := newTabOf(t, 1280, o)
	b.open("/console/organization")
	b.eval(`document.querySelectorAll('#breakers button').forEach(b => b.click()); 0`)
	b.do(chromedp.Click("#dpop"), chromedp.SetValue("#scope", "okta.users.manage", chromedp.ByQuery), chromedp.Click("#take"))
	b.until(`document.querySelector('#switches').textContent.includes('without okta.users.manage') && document.querySelector('#switches').textContent.includes('search lags')`)
	want := []string{"429 on /api/v1/users/* (1 left)", "500 on all paths (1 left)", "lost response on */lifecycle/* (1 left)", "300 ms latency on all paths",
		"60 requests a minute on /api/v1/users/*", "search lags 10000 ms", "DPoP is required", "without okta.users.manage"}
	for _, page := range []string{"/", "/console/organization", "/console/organization/alice", "/console/traffic", "/console/guardrails"} {
		b.open(page)
		for _, w := range want {
			if got := b.text("#switches"); !strings.Contains(got, w) {
				t.Errorf("%s does not say %s: %s", page, w, got)
			}
		}
	}
	b.do(chromedp.Click("#switches button"), chromedp.WaitNotVisible("#switches"))
	if on := p.emulator.Switches(); len(on.Faults)+len(on.Limits)+on.SearchLagMS+len(on.Missing) > 0 || on.DPoP {
		t.Errorf("still on: %+v", on)
	}
	b.open("/console/organization")
	b.do(chromedp.SetValue("#scope", "okta.users.manage", chromedp.ByQuery), chromedp.Click("#take"), chromedp.WaitVisible("#switches"))
	refused := reply(t, p.functions+"/users/disable-user", `{"parameters": {"User IDs Or Logins": "bob"}}`)
	if text := fmt.Sprint(refused); refused["is_success"] != false || !strings.Contains(text, "okta.users.manage") {
		t.Errorf("without the scope: %s", text)
	}
	b.fill("#count", "0")
	b.do(chromedp.Click("#create"))
	b.until(`document.querySelector('#broke').textContent.includes('count: must be a number from 1 to 100000')`)
}

func TestConsole_TrafficShowsWhoAndWhy(t *testing.T) {
	b, p := newTab(t, 1280)
	b.open("/console/traffic")
	b.until(`document.querySelector('#live').textContent === 'Live'`)
	id := userID(t, p, "alice")
	_ = reply(t, p.functions+"/users/disable-user", `{"parameters": {"User IDs Or Logins": "alice", "Is Deactivate": false}}`)
	_ = reply(t, p.functions+"/users/get-user", `{"parameters": {"User IDs Or Logins": "bob"}}`)
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	b.until(`document.querySelector('#calls').textContent.includes('alice@acme.test')`)
	calls := b.rows("#calls")
	if !strings.Contains(calls, "|200|POST|/api/v1/users/"+shortID(id)+"/lifecycle/suspend|alice@acme.test|Disable User|") ||
		!strings.Contains(calls, "|200|GET|/api/v1/users/bob||Get User|") {
		t.Errorf("the requests are\n%s", calls)
	}
	if records := b.rows("#records"); !strings.Contains(records, "|success|Disable User|alice@acme.test: changed|") ||
		!strings.Contains(records, "|write begun|Disable User|POST /api/v1/users/{userId}/lifecycle/suspend for alice@acme.test|") {
		t.Errorf("the audit records are\n%s", records)
	}
	b.eval(`[...document.querySelectorAll('#calls button')].find(b => b.textContent === 'Get User').click(); 0`)
	b.until(`document.querySelectorAll('#calls tr').length === 1 && document.querySelectorAll('#records tr').length === 1`)
	b.do(chromedp.Click("#one"))
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	for _, message := range []string{`{"action": "Get User", "parameters": {"User IDs": "alice"}}`, `{"action": "Nothing"}`} {
		if _, err := localpubsub.Publish(t.Context(), p.broker.Addr, "users", []byte(message), nil); err != nil {
			t.Fatal(err)
		}
	}
	b.until(`document.querySelector('#messages').textContent.includes('dead letter')`)
	b.until(`document.querySelector('#messages').textContent.includes('Found 1 user')`)
	if messages := b.rows("#messages"); !strings.Contains(messages, "|result|Get User|success|") || !strings.Contains(messages, "|dead letter|Nothing|unknown action|") {
		t.Errorf("the messages are\n%s", messages)
	}
}

// TestFeed_HasNoSecret runs the actions that take or create a secret, and reads the stream.
func TestFeed_HasNoSecret(t *testing.T) {
	t.Parallel()
	p, err := start(onFreePorts())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.emulator.AddUser(emulator.UserSeed{Login: "zoe@acme.test"})
	var secrets []string
	for path, body := range map[string]string{
		"/users/set-password":    `{"parameters": {"User IDs Or Logins": "alice", "New Password": "Canary-Horse-77", "Add 10 Random Chars": true}}`,
		"/users/reset-password":  `{"parameters": {"User IDs Or Logins": "bob", "Send Email": false}}`,
		"/users/expire-password": `{"parameters": {"User IDs Or Logins": "zoe", "Temporary Password": true, "Return Temporary Password": true}}`,
		"/users/disable-user":    `{"parameters": {"User IDs Or Logins": "` + strings.Join(names(60), ",") + `"}}`,
	} {
		got := reply(t, p.functions+path, body)
		results, _ := got["json_result"].(map[string]any)
		_, a, _ := find(strings.TrimPrefix(path, "/users/"))
		for _, result := range results {
			members, _ := result.(map[string]any)
			for _, name := range a.SecretResults {
				if secret, ok := members[name].(string); ok {
					secrets = append(secrets, secret)
				}
			}
		}
	}
	if len(secrets) != 3 {
		t.Errorf("the actions created %d secrets: %v", len(secrets), secrets)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.functions+"/console/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	recent, err := bufio.NewReaderSize(res.Body, 1<<20).ReadString('\n')
	if err != nil || !strings.Contains(recent, "/credentials") && !strings.Contains(recent, "Set Password") || !strings.Contains(recent, `"targets_left_out":`) {
		t.Errorf("%v in %.2000s", err, recent)
	}
	for _, secret := range append(secrets, "Canary-Horse", p.token, "SSWS") {
		if strings.Contains(recent, secret) {
			t.Errorf("the stream has the secret %s", secret)
		}
	}
}

// names returns names of users who do not exist.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%d", strings.Repeat("missing-", 15), i)
	}
	return list
}

func TestConsole_GuardrailsTryAnAction(t *testing.T) {
	b, p := newTab(t, 1280)
	b.open("/console/guardrails")
	if got := b.rows("main tbody"); !strings.Contains(got, "own_identity|on|") || !strings.Contains(got, "max_users_per_hour|not set|") ||
		!strings.Contains(got, "break-glass|users breakglass@acme.test|it is the last way into the organization") {
		t.Errorf("the policy is\n%s", got)
	}
	b.do(chromedp.Click("#go"), chromedp.WaitVisible("#result .banner"))
	if b.outcomes() != "refused refused planned" {
		t.Errorf("%s", b.text("#result"))
	}
	b.until(`document.querySelectorAll('#refusals tr').length === 2`)
	if got := b.rows("#refusals"); !strings.Contains(got, "|Disable User (dry run)|breakglass@acme.test|protected") ||
		!strings.Contains(got, "|Disable User (dry run)|svc-secops@acme.test|own_identity") {
		t.Errorf("the refusals are\n%s", got)
	}
	if statusIn(t, p, "alice") != "ACTIVE" {
		t.Error("the dry run changed alice")
	}
	b.do(chromedp.SetValue("#action", "roles/assign-role", chromedp.ByQuery), chromedp.WaitReady("#users"))
	b.submit("#users", "breakglass")
	b.until(`document.querySelectorAll('#refusals tr').length === 3`)
}

// TestConsole_ShowsEveryRuleOfAPolicy renders policies without a browser.
func TestConsole_ShowsEveryRuleOfAPolicy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`: {">on<", ">not set<", "It refuses before anything is sent to Okta"},
		`{"callers": {"soar": {"max_targets_per_call": 5}}}`:      {">for some callers<"},
		`{"freeze": "an audit"}`:                                  {"Every change is refused: an audit"},
		`{"mode": "observe", "disabled_rules": ["own_identity"]}`: {"Its mode is observe", ">off<", ">warns only<"},
		`{"protected": [{"id": "vip", "reason": "VIP", "groups": ["Board"], "roles": ["any"], "profile": {"title": ["CEO"]}, "actions": ["disable-user"]}]}`:        {"members of Board; holders of any; profiles with {&#34;title&#34;:[&#34;CEO&#34;]}; only for disable-user"},
		`{"assignable_roles": ["READ_ONLY_ADMIN"], "denied_actions": ["set-password"], "deactivate": "deny", "max_targets_per_call": 10, "max_users_per_hour": 20}`: {"[&#34;READ_ONLY_ADMIN&#34;]", "[&#34;set-password&#34;]", "&#34;deny&#34;", ">10<", ">20<"},
		`{"override": {"until": "` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `", "rules": ["last_super_admin"], "reason": "a merger"}}`:              {"an override lifts some rules: a merger", ">lifted<"},
	} {
		policy, err := guardrail.Parse([]byte(text), action.PolicyVocabulary(handlers.Groups), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		o := shown
		o.Policy = func(context.Context) (*guardrail.Policy, error) { return policy, nil }
		web, err := console.Handler(o)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		web.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/console/guardrails", nil))
		for _, rule := range guardrail.Rules {
			if !strings.Contains(w.Body.String(), "<code>"+string(rule)+"</code>") {
				t.Errorf("%s: no %s", text, rule)
			}
		}
		for _, text := range want {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("no %s in the page of\n%s", text, policy.ModeOrDefault())
			}
		}
	}
}

// TestConsole_RealOrgAsksBeforeItChanges uses the emulator of another product as the real organization.
func TestConsole_RealOrgAsksBeforeItChanges(t *testing.T) {
	org, err := start(onFreePorts())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(org.close)
	o := onFreePorts()
	o.okta, o.write = org.okta, true
	o.getenv = environment(map[string]string{
		"OKTA_API_ROOT": org.okta, "OKTA_API_TOKEN_SECRET": "env:MY_TOKEN", "MY_TOKEN": org.token,
		"ITP_SIGNING_KEY_SECRET": "env:MY_KEY", "MY_KEY": mustPEM(t), "ITP_KEY_ID": "key-1", "ITP_ISSUER_URL": "https://soc.acme.test",
	})
	b, p := newTabOf(t, 1280, o)
	if banner := b.text(".real"); !strings.Contains(banner, "Changes are real.") || p.broker != nil {
		t.Errorf("%s", banner)
	}
	b.do(chromedp.SendKeys("#p0", "alice, zed, breakglass\r"))
	b.run()
	if b.text("#result .said") == "" || !strings.Contains(b.text("#result"), "Start-Token") {
		t.Errorf("without the token: %s", b.text("#result"))
	}
	b.submit("#token", "wrong")
	b.until(`document.querySelector('#start .error').textContent.includes('not the start token')`)
	b.submit("#token", p.startToken.value.Reveal())
	b.until(`!document.querySelector('#start')`)
	b.open("/")
	if stored := b.eval(`JSON.stringify([localStorage, sessionStorage, location.href, document.cookie, document.documentElement.outerHTML])`); strings.Contains(stored, p.startToken.value.Reveal()) {
		t.Error("the page can read the token")
	}
	b.do(chromedp.SendKeys("#p0", "alice, zed, erin\r"), chromedp.Click("#p1")) // suspend
	ask := func() {
		b.do(chromedp.Click("#go"), chromedp.WaitVisible("#confirm"))
	}
	ask()
	if got := b.text("#confirm"); !strings.HasPrefix(got, "acme.test: Disable User: 1 of 3 targets") ||
		!strings.Contains(got, "alice@acme.test") || strings.Contains(got, "zed") || !strings.Contains(got, "Disable User: 1 user") {
		t.Errorf("the question is %s", got)
	}
	b.do(chromedp.Click(`#confirm button[value=no]`, chromedp.ByQuery), chromedp.WaitNotVisible("#confirm"))
	if u, _ := org.emulator.User("alice"); u.Status != "ACTIVE" {
		t.Errorf("after Cancel alice is %s", u.Status)
	}
	ask()
	b.do(chromedp.Click(`#confirm .yes`, chromedp.ByQuery), chromedp.WaitVisible("#result .banner"))
	if u, _ := org.emulator.User("alice"); u.Status != "SUSPENDED" || b.outcomes() != "changed not found wrong state" {
		t.Errorf("alice is %s: %s", u.Status, b.text("#result"))
	}
	b.do(chromedp.Click("#undo"), chromedp.WaitVisible("#confirm"))
	if got := b.text("#confirm"); !strings.HasPrefix(got, "acme.test: Undo") || !strings.Contains(got, "alice@acme.test") {
		t.Errorf("the question is %s", got)
	}
	b.do(chromedp.Click(`#confirm .yes`, chromedp.ByQuery))
	b.until(`document.querySelector('#undone')?.textContent.includes('Enabled')`)
	b.open("/console/organization")
	b.submit("#search", "bob")
	b.do(chromedp.WaitVisible("#found .banner"))
	if got := b.text("#found .said"); !strings.Contains(got, "bob@acme.test has the status ACTIVE") || strings.Contains(b.text("main"), "alice") {
		t.Errorf("the user is %s", got)
	}
}

// TestConsole_ShowsHowFarARunIs holds the writes of a run, and reads the progress.
func TestConsole_ShowsHowFarARunIs(t *testing.T) {
	b, p := newTab(t, 1280)
	control(t, p, "/_emulator/faults", `{"path": "*/lifecycle/*", "latency_ms": 700}`)
	control(t, p, "/_emulator/limits", `{"path": "*/lifecycle/*", "concurrent": 1}`)
	b.do(chromedp.Click("#clear"), chromedp.SendKeys("#p0", "alice, bob\r"), chromedp.Click("#p1"))
	b.eval(`window.seen = []; new MutationObserver(() => seen.push(document.querySelector('#progress').textContent)).observe(document.querySelector('#progress'), {childList: true, subtree: true}); 0`)
	b.run()
	if seen := b.eval(`seen.join('; ')`); !strings.Contains(seen, "requests to Okta, 1 of 2 targets written") {
		t.Errorf("the progress was %s", seen)
	}
	if got := b.text("#progress"); got != "" {
		t.Errorf("after the run: %s", got)
	}
}

// jobTab opens Disable User of a product with these settings, with users to suspend as a job.
func jobTab(t *testing.T, users int, env map[string]string) (*tab, *product, []string) {
	t.Helper()
	o := onFreePorts()
	o.getenv = func(name string) string { return env[name] }
	b, p := newTabOf(t, 1280, o)
	control(t, p, fmt.Sprint("/_emulator/users?count=", users), "")
	logins := make([]string, users)
	for i := range logins {
		logins[i] = fmt.Sprintf("load%d@acme.test", i)
	}
	b.press("#clear")
	b.eval(fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('#p0'))`, strings.Join(logins, ",")))
	b.press("#p1") // suspend
	b.press("#job")
	return b, p, logins
}

func TestConsole_CancelsAJob(t *testing.T) {
	// Some batches wait, because few run at a time.
	b, p, logins := jobTab(t, 200, map[string]string{"MAX_TARGETS": "5", "MAX_INVOCATIONS": "6"})
	control(t, p, "/_emulator/faults", `{"path": "*/lifecycle/*", "latency_ms": 400}`)
	b.press("#go")
	b.until(`/, [1-9]\d* of 200 users done, 0 failed/.test(document.querySelector('#progress').textContent)`)
	if file := os.Getenv("CONSOLE_SHOTS"); file != "" {
		var shot []byte
		b.do(chromedp.FullScreenshot(&shot, 100))
		if err := os.WriteFile(filepath.Join(file, "job.png"), shot, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.press("#cancel")
	b.until(`document.querySelector('#result .banner')`)
	changed := strings.Count(b.outcomes(), "changed")
	if changed == 0 || changed == 200 || changed+strings.Count(b.outcomes(), "failed") != 200 || b.text("#result .badge") != "partial" ||
		!strings.Contains(b.text("#result table"), "not started: the job was canceled") {
		t.Errorf("%d were changed: %s", changed, b.text("#result"))
	}
	suspended := 0
	for _, login := range logins {
		if u, _ := p.emulator.User(login); u.Status == "SUSPENDED" {
			suspended++
		}
	}
	if suspended != changed || b.text("#progress") != "" {
		t.Errorf("%d users are suspended, the page shows %d; the progress is %q", suspended, changed, b.text("#progress"))
	}
}

func TestConsole_UndoesAJob(t *testing.T) {
	b, p, _ := jobTab(t, 60, map[string]string{"MAX_TARGETS": "5"})
	b.run()
	if got := strings.Count(b.outcomes(), "changed"); got != 60 || b.text("#result .badge") != "success" {
		t.Errorf("%d were changed, %s", got, b.text("#result .badge"))
	}
	b.press("#undo") // of more users than a call may change
	b.until(`document.querySelector('#undone .badge')?.textContent === 'success'`)
	if got := statusIn(t, p, "load59"); got != "ACTIVE" {
		t.Errorf("after Undo load59 is %s", got)
	}
}

func TestConsole_JobHasMoreTargetsThanOneReply(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short")
	}
	b, _, logins := jobTab(t, 1020, map[string]string{"MAX_TARGETS": "600"})
	b.press("#dry")
	b.run()
	rows := b.eval(`[...document.querySelectorAll('#result td:first-child')].map(e => e.textContent).join(',')`)
	if rows != strings.Join(logins, ",") || b.text("#result .badge") != "planned" {
		t.Errorf("%s: %d rows", b.text("#result .badge"), strings.Count(rows, ",")+1)
	}
}

func TestConsole_OffersJobsForListsOfUsers(t *testing.T) {
	b, _ := newTab(t, 1280)
	b.press("#job")
	b.press("#wire summary")
	b.until(`document.querySelector('.snippet pre')?.textContent.includes("-H 'prefer: respond-async'")`)
	http := b.eval(`document.querySelector('[data-name="SecOps HTTP V2"] pre').textContent`)
	for _, want := range []string{`"Prefer": "respond-async"`, `"Idempotency-Key": "[Case.Id]-[Alert.Identifier]-disable-user-FILL_IN_STEP_NAME"`, `{"job_status": "ended"}`} {
		if !strings.Contains(http, want) {
			t.Errorf("%s is missing in\n%s", want, http)
		}
	}
	b.press("#clear")
	b.until(`!document.querySelector('.snippet pre').textContent.includes('respond-async')`)
	for path, want := range map[string]string{"users/enable-user": "true", "users/set-password": "false", "users/get-user": "false", "signals/send-itp-signal": "false"} {
		b.open("/console/actions/" + path)
		if got := b.eval(`document.querySelector('#job') !== null`); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	b.open("/console/actions/users/reset-password")
	b.eval(`(e => { e.value = 'alice'; e.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('#p0'))`)
	b.press("#job")
	b.run()
	if got := b.text("#result .said"); !strings.Contains(got, "a job stores its request and its result") {
		t.Errorf("with a secret: %s", got)
	}
}
