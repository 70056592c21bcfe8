// Package e2e runs the functions as they are deployed: by the functions framework, one process per function.
package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/google/go-cmp/cmp"

	_ "example.com/okta-secops" // registers the functions
	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/testkit"
)

// portVariable makes this test binary serve FUNCTION_TARGET instead of running tests.
const portVariable = "E2E_PORT"

func TestMain(m *testing.M) {
	if port := os.Getenv(portVariable); port != "" {
		fmt.Fprintln(os.Stderr, funcframework.StartHostPort("127.0.0.1", port))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// function is a deployed function: a separate process.
type function struct {
	address string
	process *os.Process
	exited  chan error
}

// published is the type of the events that hold a Pub/Sub message.
const published = "google.cloud.pubsub.topic.v1.messagePublished"

// deploy starts the function of a target with nothing but these settings.
func deploy(t *testing.T, target string, settings ...string) function {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return deployBinary(t, self, target, settings...)
}

func deployBinary(t *testing.T, binary, target string, settings ...string) function {
	t.Helper()
	port, err := testkit.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", port)
	process := exec.CommandContext(t.Context(), binary)
	process.Env = append(settings, portVariable+"="+port, "PORT="+port, "FUNCTION_TARGET="+target)
	var output bytes.Buffer
	process.Stdout, process.Stderr = &output, &output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-exited
		written := output.String()
		if testkit.HasCredential(written) || strings.Contains(written, emulator.DefaultToken) {
			t.Error("the function has written a secret")
		}
		if t.Failed() {
			t.Logf("the function's output:\n%s", written)
		}
	})
	late := time.After(time.Minute)
	for ready := false; !ready; {
		select {
		case <-late:
			t.Fatal("the function does not listen")
		case err := <-exited:
			exited <- err
			t.Fatalf("the function has ended: %v", err)
		case <-time.After(10 * time.Millisecond):
			connection, err := net.Dial("tcp", address)
			if ready = err == nil; ready {
				_ = connection.Close()
			}
		}
	}
	return function{"http://" + address, process.Process, exited}
}

// seededOrg is an Okta with the seeded organization, in which this key is that of a transmitter, its address, and the
// settings of a function that works on it.
func seededOrg(t *testing.T, key keys.Key) (okta *emulator.Emulator, url string, settings []string) {
	t.Helper()
	okta = emulator.New(emulator.Options{Now: func() time.Time { return testkit.Now }})
	okta.RegisterTransmitter(testkit.Issuer, key.JWKS(testkit.KeyID))
	org := httptest.NewServer(okta)
	t.Cleanup(org.Close)
	return okta, org.URL, []string{
		"OKTA_API_ROOT=" + org.URL, "OKTA_API_TOKEN_SECRET=env:TOKEN", "TOKEN=" + okta.Token(), "CALLER_AUTH=none",
		"ITP_SIGNING_KEY_SECRET=env:KEY", "KEY=" + key.PEM().Reveal(), "ITP_KEY_ID=" + testkit.KeyID, "ITP_ISSUER_URL=" + testkit.Issuer,
	}
}

// TestFramework_ShutdownFinishesRequestsInFlight: Cloud Run sends SIGTERM, and the framework does not look for it.
func TestFramework_ShutdownFinishesRequestsInFlight(t *testing.T) {
	t.Parallel()
	arrived, told := make(chan struct{}), make(chan struct{})
	okta := emulator.New(emulator.Options{Observe: func(c emulator.Observed) {
		if strings.HasSuffix(c.Request.URL.Path, "/suspend") {
			close(arrived)
			<-told
		}
	}})
	org := httptest.NewServer(okta)
	t.Cleanup(org.Close)
	f := deploy(t, handlers.Groups[0].Function, "OKTA_API_ROOT="+org.URL, "OKTA_API_TOKEN_SECRET=env:TOKEN", "TOKEN="+okta.Token(), "CALLER_AUTH=none")
	replied := make(chan answer)
	go func() {
		replied <- ask(t, http.MethodPost, f.address+"/disable-user", `{"parameters": {"User IDs": "alice", "Is Deactivate": false}}`, org.URL)
	}()
	<-arrived
	if err := f.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := false
	for range 10_000 {
		if refused = ask(t, http.MethodGet, f.address+"/ping", "", org.URL).Status == http.StatusServiceUnavailable; refused {
			break
		}
	}
	if !refused {
		t.Error("it goes on letting calls in")
	}
	close(told)
	if a := <-replied; a.Status != http.StatusOK {
		t.Errorf("the call in flight: %+v", a)
	}
	if err := <-f.exited; err != nil {
		t.Errorf("the function has ended with %v", err)
	}
	f.exited <- nil
	if u, _ := okta.User("alice"); u.Status != "SUSPENDED" {
		t.Errorf("alice is %s", u.Status)
	}
}

// answer returns the reply to a request without the parts that differ from run to run, and with okta for Okta's address.
type answer struct {
	Status int
	Reply  any
}

func ask(t *testing.T, method, url, body, okta string) answer {
	t.Helper()
	header := http.Header{}
	if method == http.MethodPost {
		header.Set("Content-Type", "application/json")
	}
	return askWith(t, method, url, header, body, okta)
}

func askWith(t *testing.T, method, url string, header http.Header, body, okta string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: res.StatusCode}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(b), okta, "okta")), &a.Reply); err != nil {
		t.Fatalf("%s %s answered %d %s", method, url, res.StatusCode, b)
	}
	strip(a.Reply)
	return a
}

var volatile = map[string]bool{"invocation_id": true, "okta_request_id": true, "org": true, "jti": true, "iat": true}

// strip removes what differs from run to run.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(name string, _ any) bool { return volatile[name] })
		for _, member := range v {
			strip(member)
		}
	case []any:
		for _, item := range v {
			strip(item)
		}
	}
}

// withoutLogs returns the actions whose replies do not depend on the time: the deployed function has the machine's clock,
// and the mounted one that of the test. TestSourceArchive_ServesEveryTarget searches the log of a deployed function.
func withoutLogs(g action.Group) []action.Action {
	return slices.DeleteFunc(slices.Clone(g.Actions), func(a action.Action) bool {
		return a.Slug != "ping" && !a.Mutates && slices.Contains(slices.Concat(a.OktaScopes, a.OptionalScopes), "okta.logs.read")
	})
}

// TestFramework_RepliesEqualMountedHandlers calls every action twice: deployed, and mounted.
func TestFramework_RepliesEqualMountedHandlers(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		t.Run(g.Function, func(t *testing.T) {
			t.Parallel()
			mounted := testkit.New(t, testkit.Options{})
			okta, org, settings := seededOrg(t, mounted.Key)
			deployed := deploy(t, g.Function, settings...).address
			same := func(method, path, body string) {
				t.Helper()
				okta.Reset()
				mounted.Okta.Reset()
				got := ask(t, method, deployed+path, body, org)
				want := ask(t, method, mounted.URL+"/"+g.Name+path, body, mounted.OktaURL)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s %s (-mounted +deployed):\n%s", method, path, body, diff)
				}
			}
			for _, a := range withoutLogs(g) {
				request := map[string]any{"parameters": a.Example.Parameters, "entities": a.Example.Entities}
				bySlug := testkit.JSON(t, request)
				request["action"] = a.Name
				same(http.MethodPost, "/"+a.Slug, bySlug)
				same(http.MethodPost, "/"+a.Slug+"/", bySlug)
				same(http.MethodPost, "/", testkit.JSON(t, request))
			}
			same(http.MethodGet, "/ping", "")
			same(http.MethodGet, "/actions", "")
			same(http.MethodGet, "/openapi.json", "")
			same(http.MethodGet, "/health", "")
			same(http.MethodPost, "/do-magic", "{}")
			same(http.MethodPost, "/", "{")
			same(http.MethodPut, "/ping", "")
		})
	}
}

// TestFramework_StartsWithoutSettings has what the platform does first: start the process, whatever its
// settings. The first request gets an error that names the missing ones.
func TestFramework_StartsWithoutSettings(t *testing.T) {
	t.Parallel()
	url := deploy(t, handlers.Groups[0].Function).address
	if a := ask(t, http.MethodGet, url+"/health", "", "no okta"); a.Status != http.StatusOK {
		t.Errorf("health: %v", a)
	}
	a := ask(t, http.MethodGet, url+"/ping", "", "no okta")
	if a.Status != http.StatusInternalServerError || !strings.Contains(fmt.Sprint(a.Reply), "the function is misconfigured; its log has the details") {
		t.Errorf("ping: %v", a)
	}
}

// TestFramework_EventEqualsPush sends every action as an event to the event target, and as a push to the mounted handlers.
func TestFramework_EventEqualsPush(t *testing.T) {
	t.Parallel()
	for _, g := range handlers.Groups {
		t.Run(g.EventFunction(), func(t *testing.T) {
			t.Parallel()
			mounted := testkit.New(t, testkit.Options{})
			okta, org, settings := seededOrg(t, mounted.Key)
			deployed := deploy(t, g.EventFunction(), settings...).address
			n := 0
			same := func(data string) {
				t.Helper()
				n++
				okta.Reset()
				mounted.Okta.Reset()
				m := testkit.Message{ID: fmt.Sprint("m", n), Data: data}
				want := ask(t, http.MethodPost, mounted.URL+"/"+g.Name+"/pubsub", m.Delivery(), mounted.OktaURL)
				m.ID += "-event"
				header := http.Header{"Content-Type": {"application/json"}, "Ce-Id": {m.ID}, "Ce-Source": {"//pubsub"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {published}}
				body := m.Delivery()
				if n%2 == 0 {
					header = http.Header{"Content-Type": {"application/cloudevents+json"}}
					body = `{"specversion": "1.0", "id": "` + m.ID + `", "source": "//pubsub", "type": "` + published + `", "data": ` + body + "}"
				}
				got := askWith(t, http.MethodPost, deployed+"/?__GCP_CloudEventsMode=x", header, body, org)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-push +event):\n%s", data, diff)
				}
				if got.Status != http.StatusOK {
					t.Errorf("%s: %d", data, got.Status)
				}
			}
			for _, a := range withoutLogs(g) {
				same(testkit.JSON(t, map[string]any{"action": a.Name, "parameters": a.Example.Parameters, "entities": a.Example.Entities}))
			}
			same(`{"action": "Ban User"}`)
			same("{")
			if a := ask(t, http.MethodGet, deployed+"/health", "", "no okta"); a.Status != http.StatusOK {
				t.Errorf("health: %v", a)
			}
			if a := ask(t, http.MethodGet, deployed+"/ping", "", "no okta"); a.Status != http.StatusMethodNotAllowed {
				t.Errorf("ping: %v", a)
			}
		})
	}
}

// The deployed transmitter publishes with its own settings alone, without those of Okta and of callers.
func TestFramework_PublishesKeys(t *testing.T) {
	t.Parallel()
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	url := deploy(t, httpapi.TransmitterFunction,
		"ITP_ISSUER_URL=https://t.acme.test", "ITP_PUBLIC_KEYS_SECRET=env:KEYS", "KEYS="+string(key.JWKS("k1"))).address
	for path, want := range map[string]string{
		ssf.JWKSPath: string(key.JWKS("k1")),
		ssf.MetadataPath: `{"spec_version":"1_0","issuer":"https://t.acme.test","jwks_uri":"https://t.acme.test/jwks.json",` +
			`"delivery_methods_supported":["urn:ietf:rfc:8935"]}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "attacker.example"
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || string(body) != want {
			t.Errorf("%s: %d %s %v", path, res.StatusCode, body, err)
		}
	}
	if a := ask(t, http.MethodGet, url+"/health", "", "no okta"); a.Status != http.StatusNotFound {
		t.Errorf("another path: %v", a)
	}
}
