package secops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
)

// volatile matches the values that differ between runs.
var volatile = regexp.MustCompile(`"(invocation_id|okta_request_id|org)": "[^"]*"`)

// exampleKey is made once: RSA keys are slow to make.
var exampleKey = sync.OnceValues(func() (keys.Key, error) { return keys.GenerateRSA(2048) })

// stopped is a clock that always returns the same time.
type stopped struct{}

func (stopped) Now() time.Time                                 { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }
func (stopped) Sleep(_ context.Context, _ time.Duration) error { return okta.ErrTooLate }

// Example runs an action's example on a new organization of the emulator, with a stopped clock, and returns the
// request, the reply and the HTTP status. Values that differ between runs are replaced by "…", and links are left out.
func Example(g action.Group, a action.Action) (request, reply string, status int, err error) {
	fake := emulator.New(emulator.Options{Now: stopped{}.Now})
	org := httptest.NewServer(fake)
	defer org.Close()
	key, err := exampleKey()
	if err != nil {
		return "", "", 0, err
	}
	const issuer, keyID = "https://secops.acme.test", "local-key"
	fake.RegisterTransmitter(issuer, key.JWKS(keyID))
	env := map[string]string{
		"OKTA_API_ROOT": org.URL, "OKTA_API_TOKEN_SECRET": "token", "CALLER_AUTH": "none", "OKTA_CONCURRENCY": "1",
		"ITP_SIGNING_KEY_SECRET": "key", "ITP_KEY_ID": keyID, "ITP_ISSUER_URL": issuer,
	}
	product := app.New(app.Options{
		Getenv:  func(name string) string { return env[name] },
		Secrets: secrets.Memory{"token": fake.Token(), "key": key.PEM().Reveal()},
		Clock:   stopped{},
		Log:     slog.New(slog.DiscardHandler),
	})
	sent, err := json.MarshalIndent(a.Example, "", "  ")
	if err != nil {
		return "", "", 0, err
	}
	r := httptest.NewRequest(http.MethodPost, "/"+a.Slug, bytes.NewReader(sent))
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "example") // gives a signal the same jti in every run
	got := httptest.NewRecorder()
	httpapi.Handler(g, handlers.Groups, product.Open(g)).ServeHTTP(got, r)
	if got.Code != http.StatusOK {
		return "", "", 0, fmt.Errorf("status %d: %s", got.Code, got.Body)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(got.Body.Bytes()), "", "  "); err != nil {
		return "", "", 0, err
	}
	text := strings.ReplaceAll(indented.String(), org.URL, "https://acme.okta.com")
	return string(sent), withoutLinks(volatile.ReplaceAllString(text, `"$1": "…"`)), got.Code, nil
}

// withoutLinks empties the _links of indented JSON, which are most of an Okta object.
func withoutLinks(text string) string {
	var out []string
	end := "" // the line that closes the current _links
	for _, line := range strings.Split(text, "\n") {
		bare := strings.TrimSpace(line)
		indent := line[:len(line)-len(bare)]
		switch {
		case end != "" && strings.TrimSuffix(line, ",") == end:
			out = append(out, indent+`"_links": {}`+strings.TrimPrefix(bare, "}"))
			end = ""
		case end != "":
		case bare == `"_links": {`:
			end = indent + "}"
		default:
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
