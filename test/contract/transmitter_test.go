package contract_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// published is a response of the transmitter.
type published struct {
	status int
	header http.Header
	body   string
}

// askTransmitter sends a request to the transmitter. header alternates names and values.
func askTransmitter(t *testing.T, w *testkit.World, method, path, body string, header ...string) published {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.Transmitter+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Host = "attacker.example"
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return published{res.StatusCode, res.Header, string(text)}
}

func TestTransmitter_PublishesMetadataAndKeys(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for path, want := range map[string]string{
		ssf.MetadataPath: `{"spec_version":"1_0","issuer":"` + testkit.Issuer + `","jwks_uri":"` + w.Transmitter + `/jwks.json","delivery_methods_supported":["urn:ietf:rfc:8935"]}`,
		ssf.JWKSPath:     string(w.Key.JWKS(testkit.KeyID)),
	} {
		got := askTransmitter(t, w, "GET", path, "")
		if got.status != http.StatusOK || got.body != want || got.header.Get("Content-Type") != "application/json" ||
			got.header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %+v", path, got)
		}
		tag := got.header.Get("ETag")
		if same := askTransmitter(t, w, "GET", path, "", "If-None-Match", tag); same.status != http.StatusNotModified || same.body != "" || same.header.Get("ETag") != tag {
			t.Errorf("%s with its ETag: %+v", path, same)
		}
		if other := askTransmitter(t, w, "GET", path+"?v=1", "", "If-None-Match", `"other"`); other.status != http.StatusOK || other.body != want {
			t.Errorf("%s with another ETag: %+v", path, other)
		}
		head := askTransmitter(t, w, "HEAD", path, "")
		if head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Length") != got.header.Get("Content-Length") || head.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %+v", path, head)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			if got := askTransmitter(t, w, method, path, "x"); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %+v", method, path, got)
			}
		}
	}
	for _, path := range []string{"", "/", "/ping", "/health", "/jwks.json/", "//jwks.json", "/x/../jwks.json", "/jwks%2Ejson/x", "/.well-known", "/.well-known/ssf-configuration/x", "/users/ping"} {
		if got := askTransmitter(t, w, "GET", path, ""); got.status != http.StatusNotFound || !json.Valid([]byte(got.body)) || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if calls := w.AskedAll(); len(calls) > 0 {
		t.Errorf("Okta was called: %v", calls)
	}
}

func TestTransmitter_PublishesUntilTheEnd(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	next, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	set, err := ssf.ParseKeySet(secrets.New(string(w.Key.JWKS(testkit.KeyID))))
	if err == nil {
		set, err = set.With(next, "next")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Replace("public-keys", set.Retire("next", w.Clock.Now().Add(time.Hour)).Text())
	before := askTransmitter(t, w, "GET", ssf.JWKSPath, "")
	w.Clock.Advance(time.Hour)
	after := askTransmitter(t, w, "GET", ssf.JWKSPath, "")
	if !strings.Contains(before.body, testkit.KeyID) || strings.Contains(before.body, `"exp"`) || after.body != string(next.JWKS("next")) || before.header.Get("ETag") == after.header.Get("ETag") {
		t.Errorf("before: %+v\nafter: %+v", before, after)
	}
}

// A set that must not be published, or that cannot be read, is never published in part; the reply says nothing of it, and
// the log says it once.
func TestTransmitter_PublishesNothingUnsafe(t *testing.T) {
	t.Parallel()
	private, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env map[string]string
		set secrets.Value
		log string
	}{
		"a private key":     {nil, secrets.New(`{"keys": [` + private.PrivateJWK("k").Reveal() + `]}`), "must not hold private keys"},
		"damaged":           {nil, secrets.New("{"), "must be a JWK Set"},
		"no secret":         {map[string]string{"ITP_PUBLIC_KEYS_SECRET": ""}, secrets.Value{}, "ITP_PUBLIC_KEYS_SECRET is not set"},
		"no issuer":         {map[string]string{"ITP_ISSUER_URL": ""}, secrets.Value{}, "ITP_ISSUER_URL is not set"},
		"an issuer by http": {map[string]string{"ITP_ISSUER_URL": "http://acme.test"}, secrets.Value{}, "must be an https URL"},
		"a missing secret":  {map[string]string{"ITP_PUBLIC_KEYS_SECRET": "missing"}, secrets.Value{}, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, testkit.Options{Env: c.env})
			if !c.set.IsZero() {
				w.Replace("public-keys", c.set)
			}
			const want = `{"error":{"code":"unavailable","message":"the keys cannot be read at the moment"}}` + "\n"
			for range 20 {
				if got := askTransmitter(t, w, "GET", ssf.JWKSPath, ""); got.status != http.StatusServiceUnavailable || got.body != want || got.header.Get("Retry-After") != "30" {
					t.Fatalf("%+v", got)
				}
			}
			if n := strings.Count(w.Log(), "cannot be published"); n != 1 || !strings.Contains(w.Log(), c.log) {
				t.Errorf("logged %d times: %s", n, w.Log())
			}
		})
	}
}

// A client that sends a body slowly gets its reply, and its connection is closed.
func TestTransmitter_IsNotHeldByABody(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.Transmitter, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /jwks.json HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	reply, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(reply), "HTTP/1.1 200 OK") || !strings.Contains(string(reply), "Connection: close") || err != nil {
		t.Errorf("%s %v", reply, err)
	}
}
