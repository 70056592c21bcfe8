package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const providersPath = "/api/v1/security-events-providers"

// publisher publishes metadata and keys, as a transmitter does.
type publisher struct {
	url, issuer string
	kind        string // Content-Type
	status      atomic.Int32
	jwks        atomic.Value
	reads       atomic.Int32 // of the keys
}

func publish(t *testing.T, issuer string) *publisher {
	t.Helper()
	return publishAs(t, issuer, "application/json", http.StatusOK)
}

func publishAs(t *testing.T, issuer, kind string, status int32) *publisher {
	t.Helper()
	p := &publisher{issuer: issuer, kind: kind}
	p.status.Store(status)
	p.jwks.Store([]byte(`{"keys": []}`))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", p.kind)
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.WriteHeader(int(p.status.Load()))
		if r.URL.Path == "/jwks.json" {
			p.reads.Add(1)
			_, _ = w.Write(p.jwks.Load().([]byte))
			return
		}
		_, _ = w.Write([]byte(`{"issuer": "` + p.issuer + `", "jwks_uri": "` + p.url + `/jwks.json"}`))
	}))
	p.url = "http://" + server.Listener.Addr().String()
	server.Start()
	t.Cleanup(server.Close)
	return p
}

type eventProvider struct {
	ID, Name, Type, Status string
	Settings               map[string]string
	Links                  map[string]any `json:"_links"`
}

func (o *org) provider(method, path, body string) eventProvider {
	o.t.Helper()
	a := o.do(method, providersPath+path, body)
	if a.status != http.StatusOK {
		o.t.Fatalf("%s %s: %d: %s", method, path, a.status, a.body)
	}
	var p eventProvider
	a.into(o.t, &p)
	return p
}

func TestEventProviders_Lifecycle(t *testing.T) {
	t.Parallel()
	o, p := start(t), publish(t, issuer)
	made := o.provider("POST", "", `{"name": "SecOps", "type": "okta", "settings": {"well_known_url": "`+p.url+`/.well-known/ssf-configuration"}}`)
	want := map[string]string{"well_known_url": p.url + "/.well-known/ssf-configuration", "issuer": issuer, "jwks_url": p.url + "/jwks.json"}
	if diff := cmp.Diff(want, made.Settings); diff != "" || made.Status != "ACTIVE" || !strings.HasPrefix(made.ID, "sse") || made.Links["deactivate"] == nil {
		t.Errorf("%+v\n%s", made, diff)
	}
	if off := o.provider("POST", "/"+made.ID+"/lifecycle/deactivate", ""); off.Status != "INACTIVE" || off.Links["activate"] == nil {
		t.Errorf("deactivated: %+v", off)
	}
	if again := o.provider("POST", "/"+made.ID+"/lifecycle/deactivate", ""); again.Status != "INACTIVE" {
		t.Errorf("deactivated twice: %+v", again)
	}
	if on := o.provider("POST", "/"+made.ID+"/lifecycle/activate", ""); on.Status != "ACTIVE" {
		t.Errorf("activated: %+v", on)
	}
	named := o.provider("PUT", "/"+made.ID, `{"name": "SOC", "type": "siem", "settings": {"issuer": "`+issuer+`", "jwks_url": "`+p.url+`/jwks.json"}}`)
	delete(want, "well_known_url")
	if diff := cmp.Diff(want, named.Settings); diff != "" || named.Name != "SOC" || named.Type != "siem" || named.ID != made.ID {
		t.Errorf("replaced: %+v\n%s", named, diff)
	}
	var list []eventProvider
	o.do("GET", providersPath, "").into(t, &list)
	if diff := cmp.Diff([]eventProvider{o.provider("GET", "/"+made.ID, "")}, list); diff != "" {
		t.Error(diff)
	}
	o.Reset()
	if a := o.do("DELETE", providersPath+"/"+made.ID, ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
	if a := o.do("GET", providersPath+"/"+made.ID, ""); a.status != http.StatusNotFound || a.code() != "E0000007" {
		t.Errorf("after: %d %s", a.status, a.body)
	}
}

func TestEventProviders_Refused(t *testing.T) {
	t.Parallel()
	o, p := start(t), publish(t, issuer)
	o.provider("POST", "", `{"name": "First", "type": "okta", "settings": {"issuer": "https://taken.test", "jwks_url": "`+p.url+`/jwks.json"}}`)
	text, moved := publishAs(t, issuer, "text/plain", http.StatusOK), publishAs(t, issuer, "application/json", http.StatusFound)
	known := func(url string) string {
		return `{"name": "N", "type": "okta", "settings": {"well_known_url": "` + url + `"}}`
	}
	for name, c := range map[string]struct{ body, cause string }{
		"no name":        {`{"type": "okta", "settings": {"well_known_url": "` + p.url + `/x"}}`, "name: The field cannot be left blank"},
		"a long name":    {`{"name": "` + strings.Repeat("n", 101) + `", "type": "okta", "settings": {"well_known_url": "` + p.url + `/x"}}`, "100 characters"},
		"no type":        {`{"name": "N", "settings": {"well_known_url": "` + p.url + `/x"}}`, "type: The field"},
		"no settings":    {`{"name": "N", "type": "okta", "settings": {}}`, "either well_known_url, or issuer and jwks_url"},
		"both":           {`{"name": "N", "type": "okta", "settings": {"well_known_url": "` + p.url + `/x", "issuer": "i"}}`, "either well_known_url, or issuer and jwks_url"},
		"no JWKS URL":    {`{"name": "N", "type": "okta", "settings": {"issuer": "https://i.test"}}`, "jwks_url: The field cannot be left blank"},
		"no URL":         {`{"name": "N", "type": "okta", "settings": {"issuer": "https://i.test", "jwks_url": "keys"}}`, "must be a URL"},
		"issuer taken":   {`{"name": "N", "type": "okta", "settings": {"issuer": "https://taken.test", "jwks_url": "` + p.url + `/k"}}`, "already exists"},
		"unreachable":    {known("http://127.0.0.1:1/"), "cannot be reached"},
		"elsewhere":      {known("https://okta.example.com/"), "loopback"},
		"another type":   {known(text.url + "/"), "application/json"},
		"a redirect":     {known(moved.url + "/"), "status 302"},
		"not a URL":      {known("::"), "not valid"},
		"not metadata":   {known(p.url + "/jwks.json"), "issuer and jwks_uri"},
		"malformed JSON": {`{"name"`, ""},
	} {
		a := o.do("POST", providersPath, c.body)
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, c.cause) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	var list []eventProvider
	if o.do("GET", providersPath, "").into(t, &list); len(list) != 1 {
		t.Errorf("%d providers", len(list))
	}
}

// The keys are fetched at the first token and kept for max-age: a key that is published now verifies later.
func TestEventProviders_KeysAreFetchedAndKept(t *testing.T) {
	t.Parallel()
	o, p := start(t), publish(t, "https://fetched.test")
	s := newTransmitter(t, o)
	p.jwks.Store(s.jwks)
	made := o.provider("POST", "", `{"name": "SecOps", "type": "okta", "settings": {"well_known_url": "`+p.url+`/.well-known/ssf-configuration"}}`)
	send := func(kid, jti string) string {
		v := s.valid(o)
		v.claims["iss"], v.claims["jti"], v.kid = p.issuer, jti, kid
		a, _ := o.postSignal(v)
		return a.body
	}
	want := func(name, got, part string) {
		t.Helper()
		if part == "" && got != "" || !strings.Contains(got, part) {
			t.Errorf("%s: %s", name, got)
		}
	}
	want("fetched", send("rsa", "1"), "")
	want("kept", send("rsa", "2"), "")
	p.jwks.Store([]byte(strings.Replace(string(s.jwks), `"rsa"`, `"new"`, 1)))
	want("the new key, too early", send("new", "3"), "invalid_key")
	want("the old key", send("rsa", "4"), "")
	if n := p.reads.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	o.clock.advance(5*time.Minute + time.Second)
	want("the new key", send("new", "5"), "")
	want("the old key, removed", send("rsa", "6"), "invalid_key")
	o.provider("POST", "/"+made.ID+"/lifecycle/deactivate", "")
	want("inactive", send("new", "7"), "invalid_issuer")
	o.provider("POST", "/"+made.ID+"/lifecycle/activate", "")
	o.clock.advance(5*time.Minute + time.Second)
	p.status.Store(http.StatusInternalServerError)
	want("unreachable", send("new", "8"), "cannot be read")
}
