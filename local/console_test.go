package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/console"
	"example.com/okta-secops/local/emulator"
)

// browserPath returns the browser that drives the console, "" if none is installed.
func browserPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// theBrowser is one browser for all tests; each test has its own tabs.
var theBrowser = sync.OnceValues(func() (context.Context, context.CancelFunc) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(browserPath()),
		chromedp.NoSandbox, chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {})) // newer events than the library knows
	return ctx, func() { cancel(); end() }
})

// tab is a page of the console in a browser. It records the errors of the page and the hosts that it calls.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu     sync.Mutex
	errors []string
	hosts  map[string]bool
}

// onFreePorts are the options of a product with everything.
func onFreePorts() options {
	return options{
		addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", pubsubAddr: "127.0.0.1:0", auth: authSSWS, getenv: noEnv,
	}
}

// newTab starts the product and opens its first page.
func newTab(t *testing.T, width int64) (*tab, *product) {
	t.Helper()
	return newTabOf(t, width, onFreePorts())
}

func newTabOf(t *testing.T, width int64, o options) (*tab, *product) {
	t.Helper()
	if browserPath() == "" {
		t.Skip("skipped without chromium")
	}
	p, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	browser, _ := theBrowser()
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, 5*time.Minute) // a busy machine needs one for the slowest test
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx, url: p.functions, hosts: map[string]bool{}}
	chromedp.ListenTarget(ctx, b.record)
	b.do(network.Enable(), log.Enable(), runtime.Enable(), chromedp.EmulateViewport(width, 900), chromedp.Navigate(p.functions+"/"),
		chromedp.WaitVisible("#form"))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.errors) > 0 {
			t.Errorf("errors of the page: %v", b.errors)
		}
		for host := range b.hosts {
			if !strings.HasPrefix(host, "http://127.0.0.1:") && !strings.HasPrefix(host, "data:") {
				t.Errorf("the page called %s", host)
			}
		}
	})
	return b, p
}

// record notes errors, violations of the Content-Security-Policy among them, and the addresses of requests.
func (b *tab) record(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		// A reply with an error status is logged by the browser, and shown by the page.
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			b.errors = append(b.errors, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		b.hosts[e.Request.URL] = true
	}
}

func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var shot []byte
		if file := os.Getenv("CONSOLE_SHOTS"); file != "" && chromedp.Run(b.ctx, chromedp.FullScreenshot(&shot, 90)) == nil {
			_ = os.WriteFile(filepath.Join(file, "failure.png"), shot, 0o600)
		}
		b.t.Fatal(err)
	}
}

// open goes to a page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url+path), chromedp.WaitReady("body"))
}

// text returns the text of the first element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	var text string
	b.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// eval returns the value of an expression.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	var value any
	b.do(chromedp.Evaluate(expression, &value))
	return fmt.Sprint(value)
}

// run submits the form with the keyboard and waits for the result.
func (b *tab) run() {
	b.t.Helper()
	b.eval(`document.querySelector('#result').replaceChildren(); 0`)
	b.do(chromedp.Evaluate(`document.querySelector('#go').focus()`, nil), chromedp.KeyEvent("\r"),
		chromedp.WaitVisible("#result .banner", chromedp.ByQuery))
}

// outcomes returns the outcomes in the table.
func (b *tab) outcomes() string {
	b.t.Helper()
	return b.eval(`[...document.querySelectorAll('#result td .badge')].map(e => e.textContent).join(' ')`)
}

var clockTime = regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ][0-9:]+Z?`)

// TestConsole_RunsEveryActionWithItsExample opens each form, fills in its example, and compares the result with that of
// the same request over HTTP.
func TestConsole_RunsEveryActionWithItsExample(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short")
	}
	b, p := newTab(t, 1280)
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			resetOrg(t, p)
			path := "/" + g.Name + "/" + a.Slug
			body, err := json.Marshal(a.Example)
			if err != nil {
				t.Fatal(err)
			}
			want := reply(t, p.functions+path, string(body))
			resetOrg(t, p)
			b.do(chromedp.Navigate(p.functions+"/console/actions"+path), chromedp.WaitVisible("#form"))
			b.do(chromedp.Click("#fill"))
			b.run()
			said := func(text string) string { // the times of a search differ by the time between the two requests
				return clockTime.ReplaceAllString(strings.Join(strings.Fields(text), " "), "T")
			}
			if got := said(b.text("#result .said")); got != said(want["output_message"].(string)) {
				t.Errorf("%s: %q, want %q", a.Name, got, want["output_message"])
			}
			if got := b.text("#result .badge"); got != want["status"] {
				t.Errorf("%s: %s, want %s", a.Name, got, want["status"])
			}
			var outcomes []string
			for _, target := range want["targets"].([]any) {
				outcomes = append(outcomes, strings.Replace(target.(map[string]any)["outcome"].(string), "_", " ", 1))
			}
			if got := b.outcomes(); got != strings.Join(outcomes, " ") {
				t.Errorf("%s: %s, want %s", a.Name, got, outcomes)
			}
		}
	}
}

// reply returns the reply to a request.
func reply(t *testing.T, url, body string) map[string]any {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body)) //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(res.Body).Decode(&members); err != nil {
		t.Fatal(err)
	}
	return members
}

func resetOrg(t *testing.T, p *product) {
	t.Helper()
	control(t, p, "/_emulator/reset", "")
}

// control sends a request to the control of the emulator.
func control(t *testing.T, p *product, path, body string) {
	t.Helper()
	res, err := http.Post(p.okta+path, "application/json", strings.NewReader(body)) //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("%s: %d", path, res.StatusCode)
	}
}

// statusIn returns the status of a user in the emulator.
func statusIn(t *testing.T, p *product, login string) string {
	t.Helper()
	users := reply(t, p.functions+"/users/get-user", fmt.Sprintf(`{"parameters": {"User IDs Or Logins": %q}}`, login))
	list, _ := users["json_result"].([]any)
	if len(list) == 0 {
		t.Fatalf("%v", users)
	}
	status, _ := list[0].(map[string]any)["status"].(string)
	return status
}

func TestConsole_DryRunThenForRealThenUndo(t *testing.T) {
	b, p := newTab(t, 1280)
	if text := b.text(".hint"); !strings.Contains(text, "Nothing here is real") {
		t.Errorf("the first page: %s", text)
	}
	b.do(chromedp.Click("#dry"))
	b.run()
	if got := b.text("#result .badge"); got != "partial" || b.outcomes() != "planned not found planned" {
		t.Errorf("dry run: %s, %s", got, b.outcomes())
	}
	b.do(chromedp.Click("#clear"), chromedp.SendKeys("#p0", "alice, bob\r"), chromedp.Click("#p1"), chromedp.Click("#dry"))
	b.run()
	if b.text("#result .badge") != "planned" || statusIn(t, p, "alice") != "ACTIVE" {
		t.Errorf("dry run: %s", b.text("#result"))
	}
	b.do(chromedp.Click("#real"), chromedp.WaitVisible("#undo"))
	if b.outcomes() != "changed changed" || statusIn(t, p, "bob") != "SUSPENDED" {
		t.Errorf("for real: %s", b.text("#result"))
	}
	b.do(chromedp.Click("#undo"), chromedp.WaitVisible("#undone .badge"))
	b.until(`document.querySelector('#undone').textContent.includes('Enabled')`)
	if statusIn(t, p, "alice") != "ACTIVE" || statusIn(t, p, "bob") != "ACTIVE" {
		t.Errorf("undo: %s", b.text("#undone"))
	}
}

func TestConsole_ProblemsAreAtTheirFields(t *testing.T) {
	b, _ := newTab(t, 1280)
	b.do(chromedp.Navigate(b.url+"/console/actions/users/set-user-risk"), chromedp.WaitVisible("#form"))
	b.do(chromedp.SendKeys("#p0", "me\r"))
	b.run()
	if got := b.text(".field.wrong .error"); !strings.Contains(got, "me") {
		t.Errorf("the error at the field is %q", got)
	}
	if got := b.eval(`document.querySelectorAll('.field.wrong').length + ' ' + document.activeElement.id + ' ' + document.querySelectorAll('#problems a').length`); got != "2 p0 2" {
		t.Errorf("fields, focus and links: %s", got)
	}
}

func TestConsole_ShowsRefusalsAndSecretsOnRequest(t *testing.T) {
	b, p := newTab(t, 1280)
	b.do(chromedp.Click("#clear"), chromedp.SendKeys("#p0", "breakglass\r"))
	b.run()
	if b.outcomes() != "refused" || !strings.Contains(b.text("#result td:last-child"), "last way into the organization") {
		t.Errorf("%s", b.text("#result"))
	}
	b.do(chromedp.Navigate(p.functions+"/console/actions/users/set-password"), chromedp.WaitVisible("#form"))
	b.do(chromedp.SendKeys("#p0", "alice\r"), chromedp.SendKeys("#p1", "Correct-Horse-7"), chromedp.Click("#p2"))
	if b.eval(`document.querySelector('#p1').type`) != "password" {
		t.Error("the secret is shown")
	}
	b.do(chromedp.Click("#wire summary"), chromedp.WaitVisible(".snippet pre", chromedp.ByQuery))
	if page := b.eval(`document.body.textContent`); strings.Contains(page, "Correct-Horse") || !strings.Contains(page, "$SECRET") {
		t.Error("a snippet holds the secret")
	}
	b.run()
	if page := b.eval(`document.body.textContent`); strings.Contains(page, "Correct-Horse") {
		t.Error("the result shows the password")
	}
	b.do(chromedp.Click("#secrets"))
	if page := b.eval(`document.body.textContent`); !strings.Contains(page, "Correct-Horse-7") {
		t.Error("the password cannot be shown")
	}
	if stored := b.eval(`JSON.stringify([localStorage, sessionStorage, location.href])`); strings.Contains(stored, "Correct-Horse") {
		t.Error("the browser stores the password")
	}
}

func TestConsole_CopiedCurlDoesTheSame(t *testing.T) {
	b, p := newTab(t, 1280)
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("skipped without curl")
	}
	b.do(chromedp.Click("#wire summary"), chromedp.WaitVisible(".snippet pre", chromedp.ByQuery))
	command := b.eval(`document.querySelector('.snippet[data-name=curl] pre').textContent`)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "curl", curl, 1)).Output()
	if err != nil {
		t.Fatal(err)
	}
	resetOrg(t, p)
	b.run()
	var fromCurl map[string]any
	if err := json.Unmarshal(out, &fromCurl); err != nil || fromCurl["output_message"] != b.text("#result .said") {
		t.Errorf("%s: %s, the page %q", command, out, b.text("#result .said"))
	}
	names := b.eval(`[...document.querySelectorAll('.snippet')].map(e => e.dataset.name).join(', ')`)
	if names != "curl, SecOps integration, SecOps HTTP V2, Pub/Sub, Access" {
		t.Errorf("snippets: %s", names)
	}
}

func TestConsole_KeyboardAndSearch(t *testing.T) {
	b, _ := newTab(t, 1280)
	key := func(name string) {
		b.eval(`document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '` + name + `', bubbles: true})); 0`)
	}
	key("/")
	if got := b.eval(`document.activeElement.id`); got != "search" {
		t.Errorf("/ moves the focus to %s", got)
	}
	b.do(chromedp.SendKeys("#search", "unass"))
	if got := b.eval(`[...document.querySelectorAll('.list li:not([hidden]) a')].map(a => a.textContent).join()`); got != "Unassign Role" {
		t.Errorf("the search shows %s", got)
	}
	b.do(chromedp.KeyEvent("\r"), chromedp.WaitVisible(`form[data-slug="unassign-role"]`))
	key("j")
	if got := b.eval(`document.activeElement.textContent`); got != "Ping" {
		t.Errorf("j selects %s", got)
	}
	key("?")
	b.do(chromedp.WaitVisible("#keys"))
}

func TestConsole_ListFieldTakesAPastedColumn(t *testing.T) {
	b, _ := newTab(t, 1280)
	b.do(chromedp.Click("#clear"))
	b.eval(`(() => { const d = new DataTransfer(); d.setData('text', 'alice\nbob\r\nALICE\n\ncarol'); ` +
		`document.querySelector('#p0').dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, cancelable: true, bubbles: true})); return 0 })()`)
	if got := b.eval(`[...document.querySelectorAll('.chips li')].map(e => e.dataset.value).join()`); got != "alice,bob,carol" {
		t.Errorf("the field has %s", got)
	}
}

// TestConsole_FitsNarrowScreens: nothing but tables and code scrolls sideways.
func TestConsole_FitsNarrowScreens(t *testing.T) {
	b, p := newTab(t, 320)
	for _, width := range []int64{320, 390, 768, 1024, 1920} {
		for _, path := range []string{
			"/", "/console/actions/signals/send-itp-signal", "/console/actions/users/nothing", "/console/traffic",
			"/console/organization", "/console/organization/alice", "/console/guardrails",
		} {
			b.do(chromedp.EmulateViewport(width, 800), chromedp.Navigate(p.functions+path), chromedp.WaitReady("body"))
			if path == "/" {
				b.run()
			}
			if got := b.eval(`document.documentElement.scrollWidth <= innerWidth`); got != "true" {
				t.Errorf("%s at %d pixels scrolls sideways: %s", path, width, b.eval(`document.documentElement.scrollWidth`))
			}
		}
	}
}

// TestConsole_ShowsTrafficAndFailures switches a failure on and sees what Okta was asked.
func TestConsole_ShowsTrafficAndFailures(t *testing.T) {
	b, p := newTab(t, 1280)
	b.do(chromedp.Navigate(p.functions + "/console/traffic"))
	b.until(`document.querySelector('#live').textContent === 'Live'`)
	b.do(chromedp.Click(`button[data-body*="429"]`, chromedp.ByQuery))
	b.until(`document.querySelector('#switches').textContent.includes('429 on /api/v1/users/* (1 left)')`)
	if got := reply(t, p.functions+"/users/get-user", `{"parameters": {"User IDs Or Logins": "alice"}}`); got["is_success"] != true {
		t.Errorf("%v", got)
	}
	b.until(`document.querySelectorAll('#calls tr').length >= 2`)
	rows := `[...document.querySelectorAll('#calls tr')].map(tr => [1, 2, 3].map(i => tr.children[i].textContent).join(' ')).join(', ')`
	if got := b.eval(rows); got != "200 GET /api/v1/users/alice, 429 GET /api/v1/users/alice" {
		t.Errorf("the page shows %s", got)
	}
	b.do(chromedp.SetValue("#status", "429"))
	b.eval(`document.querySelector('#status').dispatchEvent(new Event('input')); 0`)
	b.until(`document.querySelectorAll('#calls tr').length === 1`)
	if got := b.text("#figures"); !strings.HasPrefix(got, "Last 5 minutes: 2 requests, ") || !strings.Contains(got, "1 were 429") {
		t.Errorf("the figures are %s", got)
	}
}

// TestConsole_StaysResponsiveWithManyRequests shows 5,000 requests and 10,000 users.
func TestConsole_StaysResponsiveWithManyRequests(t *testing.T) {
	b, p := newTab(t, 1280)
	control(t, p, "/_emulator/users?count=10000", "")
	b.do(chromedp.Navigate(p.functions + "/console/traffic"))
	b.until(`document.querySelector('#live').textContent === 'Live'`)
	sent := p.feed.Transport(answers(http.StatusOK))
	for range 5000 {
		res, err := sent.RoundTrip(httptest.NewRequest(http.MethodGet, "/api/v1/users/many", nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	b.until(`document.querySelectorAll('#calls tr').length === 500`)
	var took float64
	b.do(chromedp.Evaluate(`new Promise(done => { const t = performance.now(); document.querySelector('#path').value = 'many'; `+
		`new MutationObserver(() => requestAnimationFrame(() => done(performance.now() - t))).observe(document.querySelector('#calls'), {childList: true}); `+
		`document.querySelector('#path').dispatchEvent(new Event('input')) })`, &took,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	b.fill("#path", "none")
	t.Logf("500 of 5,000 rows were drawn again %.0f ms after an input", took)
	b.until(`document.querySelectorAll('#calls tr').length === 0`)
}

// answers responds to each request with this status; 0 loses the response.
type answers int

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	if a == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: int(a), Body: http.NoBody}, nil
}

// TestFeed_IsBoundedForEachPage: a page that does not read misses requests, and other pages and the product do not wait.
func TestFeed_IsBoundedForEachPage(t *testing.T) {
	t.Parallel()
	p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", auth: authSSWS, getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(p.functions + "/console/events") //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "data: []\n" {
		t.Errorf("the first message is %q, %v", line, err)
	}
	if _, err := p.feed.Transport(answers(0)).RoundTrip(httptest.NewRequest(http.MethodPost, "/api/v1/lost", nil)); err == nil { //nolint:bodyclose // there is none
		t.Error("no error")
	}
	for range 20_000 {
		res, err := p.feed.Transport(answers(http.StatusOK)).RoundTrip(httptest.NewRequest(http.MethodGet, "/api/v1/"+strings.Repeat("x", 1000)+"?q=1", nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	text := make(chan string)
	go func() { all, _ := io.ReadAll(lines); text <- string(all) }()
	// The end of the product ends the stream: it does not wait for the page.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); err != nil {
		t.Errorf("the product ended with %v", err)
	}
	all := <-text
	if !strings.Contains(all, `"path":"/api/v1/lost","query":"","status":0`) || !strings.Contains(all, "event: missed\n") || !strings.Contains(all, `"query":"q=1","status":200`) {
		t.Errorf("the stream has %d bytes: %.300s", len(all), all)
	}
}

// TestConsole_IsAccessible holds the pages to the rules of axe-core, in both themes.
func TestConsole_IsAccessible(t *testing.T) {
	b, p := newTab(t, 1280)
	script, err := os.ReadFile(filepath.Join(os.Getenv("NODE_PATH"), "axe-core", "axe.min.js"))
	if err != nil && os.Getenv("NODE_PATH") != "" && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("skipped without npm package axe-core")
	}
	for _, path := range []string{
		"/", "/console/actions/signals/send-itp-signal", "/console/actions/users/set-password", "/console/actions/x/y", "/console/traffic",
		"/console/organization", "/console/organization/alice", "/console/guardrails",
	} {
		for _, theme := range []string{"light", "dark"} {
			b.do(chromedp.Navigate(p.functions+path), chromedp.WaitReady("body"))
			b.eval(`document.documentElement.dataset.theme = "` + theme + `"; 0`)
			if path == "/console/guardrails" {
				b.do(chromedp.Click("#go"), chromedp.WaitVisible("#result .banner"))
			}
			if path == "/console/traffic" {
				b.until(`document.querySelectorAll('#records tr').length > 0`)
			}
			if path == "/" || !strings.HasSuffix(path, "/y") && strings.Contains(path, "/actions/") {
				b.do(chromedp.Click("#fill"), chromedp.Click("#wire summary"), chromedp.WaitVisible(".snippet pre", chromedp.ByQuery))
				b.run()
			}
			var found string
			b.do(chromedp.Evaluate(string(script)+";0", nil), chromedp.Evaluate(`axe.run().then(r => r.violations`+
				`.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')).join('\n'))`,
				&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
			if found != "" {
				t.Errorf("%s, %s: %s", path, theme, found)
			}
		}
	}
}

// shown is a console of an emulator.
var shown = console.Options{Org: "acme.test", Emulator: emulator.New(emulator.Options{}), Feed: &console.Feed{}, Policy: noPolicy}

func noPolicy(context.Context) (*guardrail.Policy, error) { return &guardrail.Policy{}, nil }

// TestConsole_IsLight bounds the weight of a page, in bytes without compression.
func TestConsole_IsLight(t *testing.T) {
	t.Parallel()
	o := shown
	o.Emulator = emulator.New(emulator.Options{})
	for i := range 200 {
		o.Emulator.AddUser(emulator.UserSeed{Login: fmt.Sprintf("a-user-with-a-long-login-%d@acme.test", i), Groups: []string{"Engineering", "Finance"}})
		o.Emulator.AddEvent("user.session.start", "alice", time.Now())
	}
	web, err := console.Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) []byte {
		w := httptest.NewRecorder()
		web.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		return w.Body.Bytes()
	}
	for _, path := range []string{"/", "/console/organization", "/console/organization/alice", "/console/traffic", "/console/guardrails"} {
		page := get(path)
		loaded, weight := map[string]bool{}, len(page)
		var load func(text []byte, from *regexp.Regexp)
		load = func(text []byte, from *regexp.Regexp) {
			for _, m := range from.FindAllSubmatch(text, -1) {
				if name := string(m[1]); !loaded[name] {
					loaded[name] = true
					asset := get("/console/assets/" + name)
					weight += len(asset)
					load(asset, regexp.MustCompile(`from '\./([a-z.]+)'`))
				}
			}
		}
		load(page, regexp.MustCompile(`/console/assets/([a-z.]+)`))
		if len(loaded) < 4 || weight > 300<<10 {
			t.Errorf("%s has %d bytes with %v", path, weight, loaded)
		}
	}
}

// TestConsole_Pages checks the headers, the pages of a real org, and unknown paths, without a browser.
func TestConsole_Pages(t *testing.T) {
	t.Parallel()
	get := func(o console.Options, method, path, body string) *httptest.ResponseRecorder {
		web, err := console.Handler(o)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		web.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	first := get(shown, http.MethodGet, "/", "")
	if csp := first.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %s", csp)
	}
	if regexp.MustCompile(`(?i)<script>|\son\w+=|style=`).MatchString(first.Body.String()) {
		t.Error("the page has inline code")
	}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			page := get(shown, http.MethodGet, "/console/actions/"+g.Name+"/"+a.Slug, "")
			for _, p := range a.Params {
				if !strings.Contains(page.Body.String(), `data-parameter="`+p.Name+`"`) || page.Code != http.StatusOK {
					t.Errorf("%s has no field for %s", a.Name, p.Name)
				}
			}
		}
	}
	for readOnly, want := range map[bool]string{true: "Nothing is changed: every change is a dry run.", false: "Changes are real."} {
		o := console.Options{Org: "acme.okta.com", Real: true, ReadOnly: readOnly, Feed: &console.Feed{}, Policy: noPolicy}
		for _, path := range []string{"/", "/console/organization", "/console/traffic", "/console/guardrails"} {
			if page := get(o, http.MethodGet, path, "").Body.String(); !strings.Contains(page, want) || strings.Contains(page, "Nothing here is real") || strings.Contains(page, "Break it") {
				t.Errorf("read-only %v, %s: no %q", readOnly, path, want)
			}
		}
		for _, path := range []string{"/console/organization/alice", "/console/switches", "/console/start"} {
			if w := get(o, http.MethodGet, path, ""); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	}
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{http.MethodGet, "/console/actions/users/x", "", 404}, {http.MethodGet, "/console/actions/groups/disable-user", "", 404},
		{http.MethodGet, "/console/assets/x.js", "", 404},
		{http.MethodPost, "/console/wire", "{", 400}, {http.MethodPost, "/console/wire", `{"slug": "x", "request": {}}`, 400},
		{http.MethodPost, "/console/wire", `{"slug": "get-user", "request": []}`, 400},
		{http.MethodPost, "/console/wire", `{"slug": "ping", "group": "roles", "request": {}}`, 200},
	} {
		w := get(shown, c.method, c.path, c.body)
		if w.Code != c.code {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.code)
		}
	}
}

// TestConsole_Headless serves the functions without the console.
func TestConsole_Headless(t *testing.T) {
	t.Parallel()
	p, err := start(options{addr: "127.0.0.1:0", oktaAddr: "127.0.0.1:0", transmitter: "127.0.0.1:0", auth: authSSWS, headless: true, getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for path, want := range map[string]int{"/": 404, "/console/actions/users/get-user": 404, "/health": 200, "/users/ping": 200} {
		res, err := http.Get(p.functions + path) //nolint:noctx // of a test
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

// TestConsole_Shots writes screenshots of all pages to the directory CONSOLE_SHOTS, and those of docs/images as WebP.
func TestConsole_Shots(t *testing.T) {
	dir := os.Getenv("CONSOLE_SHOTS")
	if dir == "" {
		t.Skip("skipped without CONSOLE_SHOTS")
	}
	b, p := newTab(t, 1280)
	for _, width := range []int64{1280, 390} {
		for _, theme := range []string{"light", "dark"} {
			resetOrg(t, p)
			shoot := func(name string) {
				b.eval(`document.documentElement.dataset.theme = "` + theme + `"; scrollTo(0, 0); 0`)
				var shot []byte
				b.do(chromedp.FullScreenshot(&shot, 100))
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), shot, 0o600); err != nil {
					t.Fatal(err)
				}
				if width != 1280 || theme != "light" {
					return
				}
				b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
					shot, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatWebp).WithQuality(90).Do(ctx)
					return err
				}))
				if err := os.WriteFile(filepath.Join(dir, name+".webp"), shot, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			b.do(chromedp.EmulateViewport(width, 800))
			b.open("/")
			b.run()
			shoot("actions")
			b.do(chromedp.Click("#wire summary"), chromedp.WaitVisible(".snippet pre", chromedp.ByQuery))
			shoot("wire")
			b.open("/console/organization")
			b.do(chromedp.Click(`button[data-body*="429"]`, chromedp.ByQuery), chromedp.WaitVisible("#switches"))
			shoot("organization")
			_ = reply(t, p.functions+"/containment/contain-user", `{"parameters": {"User IDs Or Logins": "alice", "Level": "evict"}}`)
			_ = reply(t, p.functions+"/users/disable-user", `{"parameters": {"User IDs Or Logins": "breakglass, bob", "Is Deactivate": false}}`)
			b.open("/console/organization/alice")
			shoot("user")
			b.open("/console/traffic")
			b.until(`document.querySelectorAll('#calls tr').length > 5`)
			shoot("traffic")
			b.open("/console/guardrails")
			b.do(chromedp.Click("#go"), chromedp.WaitVisible("#result .banner"))
			b.until(`document.querySelectorAll('#refusals tr').length > 0`)
			shoot("guardrails")
		}
	}
}
