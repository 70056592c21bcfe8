package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/internal/keys"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const soc = "https://soc.acme.test"

// stand is a product whose keys are in two files, and the command that operates them.
type stand struct {
	*testkit.World
	environment
	t                  *testing.T
	signing, published string // references
	out                bytes.Buffer
	sleeping           func(time.Duration) error // called by each pause of rotate; nil: none
}

func newStand(t *testing.T) *stand {
	t.Helper()
	return newStandWith(t, "okta.securityEventsProviders.manage", "okta.securityEventsProviders.read")
}

// newStandWith starts a product whose service app has these scopes besides those of the actions.
func newStandWith(t *testing.T, scopes ...string) *stand {
	t.Helper()
	dir := t.TempDir()
	s := &stand{t: t, signing: "file:" + filepath.Join(dir, "signing-key.json"), published: "file:" + filepath.Join(dir, "public-keys.json")}
	key, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"APP_KEY": key.PrivateJWK("app-1").Reveal()}
	s.store = secrets.Default(func(name string) string { return values[name] })
	app := emulator.App{ClientID: "0oaoperator000000000", JWKS: key.JWKS("app-1"), Scopes: append(scopes, "okta.users.read", "okta.logs.read")}
	s.World = testkit.New(t, testkit.Options{Secrets: s.store, Env: map[string]string{
		"ITP_SIGNING_KEY_SECRET": s.signing, "ITP_PUBLIC_KEYS_SECRET": s.published, "ITP_KEY_ID": "", "ITP_ISSUER_URL": soc,
		"OKTA_API_TOKEN_SECRET": "", "OKTA_USE_OAUTH": "true", "OKTA_CLIENT_ID": app.ClientID, "OKTA_KEY_ID": "app-1",
		"OKTA_PRIVATE_KEY_SECRET": "env:APP_KEY",
	}})
	s.Okta.RegisterApp(app)
	settings := map[string]string{
		"OKTA_API_ROOT": s.OktaURL, "OKTA_USE_OAUTH": "true", "OKTA_CLIENT_ID": app.ClientID, "OKTA_KEY_ID": "app-1",
		"OKTA_PRIVATE_KEY_SECRET": "env:APP_KEY", "CALLER_AUTH": "iam", "PUSH_EMAILS": "push@acme.test",
	}
	s.environment = environment{
		getenv: func(name string) string { return settings[name] }, store: s.store, clock: pausing{s}, out: &s.out,
	}
	return s
}

// pausing is the clock of the World, whose pauses the test uses.
type pausing struct{ *stand }

func (p pausing) Now() time.Time { return p.World.Clock.Now() }

func (p pausing) Sleep(_ context.Context, d time.Duration) error {
	p.World.Clock.Advance(d)
	if p.sleeping != nil {
		return p.sleeping(d)
	}
	return nil
}

// do runs a command, and returns what it printed.
func (s *stand) do(args ...string) (string, error) {
	s.out.Reset()
	err := s.environment.run(s.t.Context(), args)
	return s.out.String(), err
}

// must runs a command that succeeds and prints the text.
func (s *stand) must(text string, args ...string) {
	s.t.Helper()
	if out, err := s.do(args...); err != nil || !strings.Contains(out, text) {
		s.t.Fatalf("%v: %q %v, want %q", args, out, err, text)
	}
}

func (s *stand) keygen() {
	s.t.Helper()
	s.must("was added", "keygen", "-key", s.signing, "-published", s.published, "-type", "ec-p256")
}

func (s *stand) rotate() (string, error) {
	return s.do("rotate", "-key", s.signing, "-published", s.published, "-jwks", s.Transmitter+"/jwks.json", "-type", "ec-p256")
}

func (s *stand) register() {
	s.t.Helper()
	s.must("was registered", "register", "-name", "SecOps", "-well-known", s.Transmitter+"/.well-known/ssf-configuration")
}

// send sends a signal about alice, and returns the reply and the kid of the token.
func (s *stand) send(severity string) (testkit.Reply, string) {
	s.t.Helper()
	r := s.Run("signals/send-itp-signal", map[string]any{
		"parameters": map[string]any{"User Email": "alice@acme.test", "Severity": severity, "Reason": "dump",
			"Timestamp": s.World.Clock.Now().Format(time.RFC3339)},
		"options": map[string]any{"verify": true},
	})
	all := s.Okta.Signals()
	return r, all[len(all)-1].KeyID
}

// kids returns the kids of the published keys.
func (s *stand) kids() []string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.Transmitter+"/jwks.json", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		s.t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// From nothing to a verified signal, and to a verified signal with the next key while the first is still published.
func TestTransmitter_FromKeygenToRotation(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.keygen()
	s.register()
	first := s.kids()
	s.must("ok     signing key: "+first[0]+" is published", "check", "-key", s.signing, "-well-known", s.Transmitter+"/.well-known/ssf-configuration")
	r, kid := s.send("high")
	if len(first) != 1 || kid != first[0] || r.Get("targets", 0, "outcome") != "accepted" || r.Get("targets", 0, "verified") != true {
		t.Fatalf("kids %v, signed with %s: %s", first, kid, r.Body)
	}
	if u := s.User("alice@acme.test"); u.Risk != "HIGH" {
		t.Errorf("risk %q", u.Risk)
	}

	var during []string // the kid that signs while rotate waits
	s.sleeping = func(time.Duration) error {
		_, kid := s.send("medium")
		during = append(during, kid)
		return nil
	}
	out, err := s.rotate()
	if err != nil || !strings.Contains(out, "2s until no copy") {
		t.Fatalf("%s %v", out, err)
	}
	if slices.ContainsFunc(during, func(kid string) bool { return kid != first[0] }) || len(during) == 0 {
		t.Errorf("the new key signed too early: %v, the first is %s", during, first[0])
	}
	s.World.Clock.Advance(2 * time.Second)
	both := s.kids()
	r, kid = s.send("low")
	if len(both) != 2 || !slices.Contains(both, first[0]) || kid == first[0] || r.Get("targets", 0, "verified") != true {
		t.Errorf("kids %v, signed with %s: %s", both, kid, r.Body)
	}
	if u := s.User("alice@acme.test"); u.Risk != "LOW" {
		t.Errorf("risk %q", u.Risk)
	}
	s.World.Clock.Advance(24 * time.Hour)
	if diff := cmp.Diff([]string{kid}, s.kids()); diff != "" {
		t.Errorf("a day later:\n%s", diff)
	}
	if r, _ := s.send("high"); r.Get("targets", 0, "verified") != true {
		t.Errorf("a day later: %s", r.Body)
	}
}

func TestRotate_InterruptedLeavesTheOldKeySigning(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.keygen()
	s.register()
	first := s.kids()
	s.sleeping = func(time.Duration) error { return context.Canceled }
	if out, err := s.rotate(); err == nil || !strings.Contains(err.Error(), "the old one does; repeat rotate") {
		t.Fatalf("%s %v", out, err)
	}
	s.World.Clock.Advance(time.Minute)
	if r, kid := s.send("high"); kid != first[0] || r.Get("targets", 0, "verified") != true {
		t.Errorf("signed with %s: %s", kid, r.Body)
	}
	s.sleeping = nil
	if out, err := s.rotate(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	s.World.Clock.Advance(25 * time.Hour)
	if r, kid := s.send("high"); kid == first[0] || r.Get("targets", 0, "verified") != true || len(s.kids()) != 1 {
		t.Errorf("kids %v, signed with %s: %s", s.kids(), kid, r.Body)
	}
}

// A key that is not published where Okta looks must not sign.
func TestRotate_NeverSignsWithAnUnpublishedKey(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.keygen()
	old, err := s.store.Get(t.Context(), s.signing)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := serve(t, "application/json", `{"keys": []}`)
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	for jwks, want := range map[string]string{
		elsewhere: "did not have it within 15m0s; it has no keys", down.URL: "nothing was changed: " + down.URL + " has the status 404",
		"http://jwks.example.com/": "nothing was changed",
	} {
		out, err := s.do("rotate", "-key", s.signing, "-published", s.published, "-jwks", jwks)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s %v", jwks, out, err)
		}
		if now, err := s.store.Get(t.Context(), s.signing); err != nil || !now.Equal(old) {
			t.Errorf("%s: the key was replaced: %v", jwks, err)
		}
	}
}

func TestKeys_AreNotOverwritten(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	if _, err := s.rotate(); err == nil || !strings.Contains(err.Error(), "use keygen") {
		t.Errorf("rotate without a key: %v", err)
	}
	s.keygen()
	before, set := s.value(s.signing), s.value(s.published)
	if out, err := s.do("keygen", "-key", s.signing, "-published", s.published); err == nil || !strings.Contains(err.Error(), "use rotate") {
		t.Errorf("%s %v", out, err)
	}
	// A set that cannot be read is not replaced.
	if err := s.store.Add(t.Context(), s.published, secrets.New(`{"keys": [{"kty": "RSA"}]}`)); err != nil {
		t.Fatal(err)
	}
	if out, err := s.do("keygen", "-key", s.signing+"-2", "-published", s.published); err == nil || !strings.Contains(err.Error(), "key 1 of the JWK Set") {
		t.Errorf("%s %v", out, err)
	}
	if has, _ := s.store.Has(t.Context(), s.signing+"-2"); has || s.value(s.signing) != before {
		t.Error("a key was stored")
	}
	if strings.Contains(set, `"d"`) {
		t.Error("the published set has a private member")
	}
}

func (s *stand) value(ref string) string {
	s.t.Helper()
	v, err := s.store.Get(s.t.Context(), ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return v.Reveal()
}

func TestRegister_IsDoneOnce(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.keygen()
	s.register()
	known := s.Transmitter + "/.well-known/ssf-configuration"
	s.Forget()
	s.must("is registered already", "register", "-name", "SecOps", "-well-known", known)
	s.WantWrites()
	out, err := s.do("register", "-name", "SOC", "-issuer", soc, "-jwks", s.Transmitter+"/jwks.json")
	if err == nil || !strings.Contains(err.Error(), `with other settings: name "SecOps", type "okta-secops", well-known URL `+known) {
		t.Errorf("%s %v", out, err)
	}
	s.WantWrites()
	s.must("was registered", "register", "-name", "SOC", "-issuer", soc, "-jwks", s.Transmitter+"/jwks.json", "-replace")
	id := s.provider()
	s.must(id+" (issuer "+soc+") is INACTIVE.", "deactivate", id)
	s.must("transmitter activate "+id, "register", "-name", "SOC", "-issuer", soc, "-jwks", s.Transmitter+"/jwks.json")
	if r, _ := s.send("high"); !strings.Contains(string(r.Body), "invalid_issuer") || r.Get("is_success") != false {
		t.Errorf("inactive: %s", r.Body)
	}
	s.must("is ACTIVE", "activate", id)
	if r, _ := s.send("high"); r.Get("targets", 0, "outcome") != "accepted" {
		t.Errorf("active: %s", r.Body)
	}
	s.must(id+" was removed", "remove", id)
	if out, err := s.do("remove", id); err == nil || !strings.Contains(err.Error(), "ot found") {
		t.Errorf("%s %v", out, err)
	}
}

// Each way in which a transmitter is not what Okta expects: what the signal's error says, and what check says.
func TestCheck_NamesWhatDiffers(t *testing.T) {
	t.Parallel()
	other, err := keys.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		prepare     func(*stand)
		signal, say string
	}{
		"the key is not published": {func(s *stand) { s.set(s.published, `{"keys": []}`) }, "invalid_key", "is not published"},
		"another key is published under its kid": {func(s *stand) {
			k, err := keys.Parse(secrets.New(s.value(s.signing)))
			if err != nil {
				t.Fatal(err)
			}
			s.set(s.published, string(other.JWKS(k.ID())))
		}, "authentication_failed", "another key is published as"},
		"the keys cannot be reached": {func(s *stand) { s.set(s.published, "damaged") }, "invalid_key", "/jwks.json has the status 503"},
		"the registration is inactive": {func(s *stand) {
			s.must("INACTIVE", "deactivate", s.provider())
		}, "invalid_issuer", `: "INACTIVE" (must be ACTIVE)`},
		"all is well": {func(*stand) {}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.keygen()
			s.register()
			c.prepare(s)
			s.World.Clock.Advance(10 * time.Minute)
			r, _ := s.send("high")
			if c.signal != "" && !strings.Contains(string(r.Body), c.signal) || c.signal == "" && r.Get("is_success") != true {
				t.Errorf("%s", r.Body)
			}
			out, err := s.do("check", "-key", s.signing, "-issuer", soc, "-jwks", s.Transmitter+"/jwks.json")
			if c.say == "" && (err != nil || strings.Contains(out, "ERROR")) ||
				c.say != "" && (!errors.Is(err, errDiffers) || !strings.Contains(out, c.say)) {
				t.Errorf("%s %v", out, err)
			}
		})
	}
}

// provider returns the ID of the provider of the issuer, as list prints it.
func (s *stand) provider() string {
	s.t.Helper()
	out, err := s.do("list")
	for line := range strings.Lines(out) {
		if strings.Contains(line, soc) {
			return strings.Fields(line)[0]
		}
	}
	s.t.Fatalf("%s %v", out, err)
	return ""
}

func (s *stand) set(ref, text string) {
	s.t.Helper()
	if err := s.store.Add(s.t.Context(), ref, secrets.New(text)); err != nil {
		s.t.Fatal(err)
	}
}

func serve(t *testing.T, kind, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestCheck_ReadsDocumentsAsOktaDoes(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	redirect := httptest.NewServer(http.RedirectHandler(s.Transmitter, http.StatusFound))
	t.Cleanup(redirect.Close)
	for name, c := range map[string]struct {
		args []string
		say  string
	}{
		"plain text":   {[]string{"-well-known", serve(t, "text/plain", `{"issuer": "i", "jwks_uri": "j"}`)}, `has the Content-Type "text/plain"; Okta requires application/json`},
		"not JSON":     {[]string{"-well-known", serve(t, "application/json", `{"issuer"`)}, "is not complete JSON"},
		"no issuer":    {[]string{"-well-known", serve(t, "application/json", `{"jwks_uri": "j"}`)}, "must be an object with issuer and jwks_uri"},
		"a redirect":   {[]string{"-well-known", redirect.URL}, "has the status 302, not 200"},
		"http":         {[]string{"-well-known", "http://transmitter.example.com/"}, "is not an https URL"},
		"unreachable":  {[]string{"-well-known", "http://127.0.0.1:1/"}, "cannot be fetched"},
		"an old one":   {[]string{"-well-known", serve(t, "application/json", `{"issuer": "https://i.test", "jwks_uri": "https://127.0.0.1:1/"}`)}, `spec_version of the metadata: "" (must be 1_0)`},
		"wrong issuer": {[]string{"-issuer", soc, "-well-known", serve(t, "application/json", `{"issuer": "https://i.test", "jwks_uri": "https://127.0.0.1:1/"}`)}, `issuer of the metadata: "https://i.test" (must be ` + soc + ")"},
		"no provider":  {[]string{"-issuer", soc, "-jwks", serve(t, "application/json", `{"keys": []}`)}, "has no security events provider with the issuer " + soc},
	} {
		out, err := s.do(append([]string{"check"}, c.args...)...)
		if !errors.Is(err, errDiffers) || !strings.Contains(out, "ERROR") || !strings.Contains(out, c.say) {
			t.Errorf("%s: %s %v", name, out, err)
		}
	}
	out, err := s.do("register", "-name", "N", "-well-known", redirect.URL)
	if err == nil || !strings.Contains(err.Error(), "nothing was registered") {
		t.Errorf("%s %v", out, err)
	}
	s.WantWrites()
}

func TestRegister_NamesTheMissingScope(t *testing.T) {
	t.Parallel()
	for missing, granted := range map[string][]string{
		"okta.securityEventsProviders.read": nil, "okta.securityEventsProviders.manage": {"okta.securityEventsProviders.read"},
	} {
		s := newStandWith(t, granted...)
		s.keygen()
		out, err := s.do("register", "-name", "N", "-issuer", soc, "-jwks", s.Transmitter+"/jwks.json")
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s %v", out, err)
		}
	}
}

func TestCommands_Refuse(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for line, want := range map[string]string{
		"":                                   "usage: go run ./tools/transmitter COMMAND",
		"keygn":                              `unknown command "keygn"; the commands are keygen, rotate`,
		"keygen":                             "-key and -published are required",
		"keygen -key a -published a":         "are the same secret",
		"keygen -key a -published b -type x": "use rsa-2048, rsa-3072, ec-p256",
		"keygen -key b -published a\\b":      "-published: unsupported secret reference",
		"keygen -keyy a":                     "see go run ./tools/transmitter keygen -h",
		"rotate -key a -published b":         "-jwks is required",
		"register":                           "-name is required",
		"register -name N":                   "give -well-known, or both -issuer and -jwks",
		"register -name N -well-known https://a.test -issuer https://b.test": "give either -well-known",
		"register -name N -issuer https://b.test -jwks ftp://a":              "nothing was registered",
		"list now":   `list takes flags only, not "now"`,
		"activate":   "activate takes the ID of one provider",
		"remove a/b": "invalid_request",
		"check":      "give -well-known, or both -issuer and -jwks",
	} {
		out, err := s.do(strings.Fields(line)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s %v", line, out, err)
		}
	}
	s.WantWrites()
}

func TestCommands_HaveHelp(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	out, err := s.do("-h")
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, c := range commands {
		if !strings.Contains(out, "  "+c.name) {
			t.Errorf("the help does not have %s", c.name)
		}
		own, err := s.do(c.name, "-h")
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(own, c.help) || !strings.Contains(own, "  -") {
			t.Errorf("%s -h: %s %v", c.name, own, err)
		}
	}
}
