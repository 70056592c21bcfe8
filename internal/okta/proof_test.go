package okta_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

// TestLostResponse_OnlyOktaProvesRejection: a non-idempotent write has certainly failed only if
// Okta itself rejected it. Then the write hook reports that it was not made.
func TestLostResponse_OnlyOktaProvesRejection(t *testing.T) {
	t.Parallel()
	const oktaJSON, page = `{"errorCode":"E0000006","errorSummary":"refused"}`, "<html>sign in</html>"
	for name, c := range map[string]struct {
		statuses  []int
		body      string
		challenge string
		certain   bool
	}{
		"Okta's error":               {[]int{400, 401, 403, 404, 408, 409, 429}, oktaJSON, "", true},
		"a page":                     {[]int{302, 400, 401, 403, 404, 408, 429}, page, "", false},
		"an empty body":              {[]int{302, 400, 401, 403, 404, 408, 429}, "", "", false},
		"other JSON":                 {[]int{401, 403, 404}, `{"message":"denied"}`, "", false},
		"another error code":         {[]int{403}, `{"errorCode":"ACCESS_DENIED"}`, "", false},
		"a code like Okta's":         {[]int{403}, `{"errorCode":"E00000060"}`, "", false},
		"Okta's error in a redirect": {[]int{302}, oktaJSON, "", false},
		"a receiver's error":         {[]int{400}, `{"err":"invalid_key","description":"kid"}`, "", false},
		"a proxy's challenge":        {[]int{401}, "", `Basic realm="proxy"`, false},
		"a challenge with a page":    {[]int{401}, page, `Bearer error="invalid_token"`, false},
		"another scheme's challenge": {[]int{401}, "", `Bearer error="invalid_token"`, false}, // an API token was sent
	} {
		for _, status := range c.statuses {
			client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.challenge != "" {
					w.Header().Set("WWW-Authenticate", c.challenge)
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, c.body)
			})
			for method := range nonIdempotent {
				events, inDoubt := 0, false
				hooked := client.WithWriteHook(func(w okta.WriteEvent) error {
					if events++; w.Ended {
						inDoubt = w.InDoubt
					}
					return nil
				})
				f := apierr.As(methods[method].call(t.Context(), hooked, "00u1"))
				if unknown := f.Code == apierr.CodeUnknownResult; unknown == c.certain || inDoubt == c.certain || events != 2 {
					t.Errorf("%s: %s %d: %v, in doubt %v, %d events", method, name, status, f, inDoubt, events)
				}
			}
			// A write whose effect can be read keeps its own error.
			if f := apierr.As(client.SuspendUser(t.Context(), "00u1")); f.Code == apierr.CodeUnknownResult {
				t.Errorf("suspend: %s %d: %v", name, status, f)
			}
		}
	}
}

// TestLostResponse_GatewayChallengeProvesRejection: the client replaces an access token or a proof
// that Okta's gateway rejects by header, and repeats the write.
func TestLostResponse_GatewayChallengeProvesRejection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		app   emulator.App
		fault emulator.Fault
	}{
		"a revoked token": {emulator.App{}, emulator.Fault{Status: 401, Headers: map[string]string{"WWW-Authenticate": `Bearer realm="https://acme.okta.com", error="invalid_token"`}}},
		"a bad proof":     {emulator.App{DPoP: true}, emulator.Fault{Status: 400, Headers: map[string]string{"WWW-Authenticate": `DPoP error="invalid_dpop_proof"`}}},
		"a new nonce":     {emulator.App{DPoP: true}, emulator.Fault{Status: 400, Headers: map[string]string{"WWW-Authenticate": `DPoP error="use_dpop_nonce"`, "DPoP-Nonce": "n"}}},
	} {
		s := newServiceApp(t, c.app, appKey())
		c.fault.Path, c.fault.Times, c.fault.Body = "*/reset_password", 1, " "
		s.okta.AddFault(c.fault)
		if _, err := s.ResetPassword(t.Context(), s.okta.AddUser(emulator.UserSeed{Login: "mallory@acme.test"}), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// apiProofs returns the nonces of the proofs in requests to the API, in order.
func (s *serviceApp) apiProofs(t *testing.T) []string {
	t.Helper()
	var nonces []string
	for _, r := range s.sent {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			continue
		}
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(r.Header.Get("DPoP"), claims); err != nil {
			t.Fatal(err)
		}
		nonce, _ := claims["nonce"].(string)
		nonces = append(nonces, nonce)
	}
	return nonces
}

func TestDPoP_TakesNonceFromEveryResponse(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	s.get(t)
	s.sent = nil
	nonce := func(status int, n, challenge string) {
		headers := map[string]string{"DPoP-Nonce": n}
		if challenge != "" {
			headers["WWW-Authenticate"] = challenge
		}
		body := " "
		if status == 429 {
			body = ""
		}
		s.okta.AddFault(emulator.Fault{Path: "/api/*", Times: 1, Status: status, Body: body, Headers: headers})
	}
	nonce(400, "N1", `DPoP error="use_dpop_nonce"`)
	nonce(429, "N2", "")
	nonce(503, "N3", "")
	nonce(404, "N4", "")
	_, err := s.GetUser(t.Context(), "alice")
	if got := s.apiProofs(t); !slices.Equal(got, []string{"", "N1", "N2", "N3"}) || err == nil {
		t.Errorf("nonces %q, %v", got, err)
	}
	s.get(t)
	if got := s.apiProofs(t); got[len(got)-1] != "N4" {
		t.Errorf("nonces %q", got)
	}
}

func TestDPoP_RejectedProofIsRetriedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status          int
		challenge, code string
		text            string
	}{
		{400, `DPoP error="invalid_dpop_proof"`, "invalid_dpop_proof", "invalid_dpop_proof"},
		{401, `DPoP error="invalid_dpop_proof", error_description="The iat is off."`, "invalid_dpop_proof", "invalid_dpop_proof: The iat is off"},
		{400, `Bearer realm="x", DPoP error="use_dpop_nonce"`, "use_dpop_nonce", "use_dpop_nonce"},
	} {
		s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
		s.get(t)
		s.sent = nil
		s.okta.AddFault(emulator.Fault{Path: "*/suspend", Status: c.status, Body: " ", Headers: map[string]string{"WWW-Authenticate": c.challenge, "DPoP-Nonce": "n"}})
		err := s.SuspendUser(t.Context(), "alice")
		wantError(t, err, apierr.Credentials, c.code, "Okta rejected the DPoP proof of the request: "+c.text)
		if n := len(s.apiProofs(t)); n != 2 {
			t.Errorf("%s: %d proofs", c.challenge, n)
		}
	}
}

func reset(seconds int) string { return strconv.FormatInt(testkit.Now.Unix()+int64(seconds), 10) }

func TestRateLimit_WithoutDateUsesOwnClock(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{}, appKey())
	s.get(t)
	headers := map[string]string{"Date": "", "X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": reset(40)}
	s.okta.AddFault(emulator.Fault{Path: "/api/*", Times: 1, Status: 429, Headers: headers})
	before := s.clock.Now()
	s.get(t)
	if waited := s.clock.Now().Sub(before).Seconds(); waited < 40 || waited > 41 {
		t.Errorf("waited %gs", waited)
	}
}

// TestErrors_NeverRepeatSecretsOfRequest: the response repeats the secrets of the request in every
// place.
func TestErrors_NeverRepeatSecretsOfRequest(t *testing.T) {
	t.Parallel()
	const password, base = "Winter-Canary&7Qx!abcdef", "Winter-Canary&7"
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, values := range map[string]string{"X-Okta-Request-Id": password, "WWW-Authenticate": `Basic realm="` + r.Header.Get("Authorization") + `"`} {
			w.Header().Set(name, values)
		}
		text := strings.Join([]string{"password " + password, "base " + base, "html Winter-Canary&amp;7Qx!abcdef", "url Winter-Canary%267Qx%21abcdef",
			r.Header.Get("Authorization"), string(body)}, ", ")
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"errorCode":"E0000080","errorSummary":`+strconv.Quote(text)+`,"errorCauses":[{"errorSummary":"`+password+` is bad"}]}`)
	}
	client := newClient(t, echo)
	f := wantError(t, client.WithSecrets(secrets.New(base)).SetPassword(t.Context(), "00u1", secrets.New(password)), apierr.Rejected, "E0000080", "password [redacted], base [redacted], html [redacted], url [redacted]")
	for _, secret := range []string{password, base, "Winter-Canary", apiToken, "7Qx"} {
		if text := f.Error() + f.RequestID; strings.Contains(text, secret) {
			t.Errorf("%q is in %q", secret, text)
		}
	}
	// Cutting a short secret out of ordinary words would reveal it, and a code that equals a secret
	// is not shown.
	f = wantError(t, client.SetPassword(t.Context(), "00u1", secrets.New("bad")), apierr.Rejected, "E0000080", secrets.Withheld)
	if strings.Contains(f.Message, "is bad") {
		t.Error(f.Message)
	}
	f = apierr.As(client.SetPassword(t.Context(), "00u1", secrets.New("E0000080")))
	if f.Code != "okta_403" || strings.Contains(f.Error(), "E0000080") {
		t.Errorf("%v", f)
	}
}

func TestErrors_NeverRepeatSecretsOfConnection(t *testing.T) {
	t.Parallel()
	o := options(t, "http://127.0.0.1:1")
	o.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return nil, &brokenReply{"malformed HTTP response " + strconv.Quote(r.Header.Get("Authorization")+" Summer-Canary-1")}
	})
	f := apierr.As(okta.New(o).SetPassword(context.Background(), "00u1", secrets.New("Summer-Canary-1")))
	if text := f.Error(); strings.Contains(text, apiToken) || strings.Contains(text, "Summer-Canary-1") || !strings.Contains(text, "malformed HTTP response") {
		t.Error(text)
	}
}

type brokenReply struct{ text string }

func (e *brokenReply) Error() string { return e.text }

func TestErrors_NeverRepeatClientAssertion(t *testing.T) {
	t.Parallel()
	s := newServiceApp(t, emulator.App{DPoP: true}, appKey())
	o := options(t, s.Root())
	var sent []string
	auth := okta.OAuth(okta.ServiceApp{Root: o.Root, ClientID: clientID, KeyID: keyID, Key: s.key, Clock: s.clock, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		_ = r.ParseForm()
		sent = append(sent, r.Form.Get("client_assertion"))
		return newResponse(r, 400, strings.NewReader(`{"error":"invalid_request","error_description":"not a JWT: `+sent[len(sent)-1]+`, signature '`+sent[len(sent)-1][60:]+`'"}`)), nil
	})})
	o.Auth = auth
	_, err := okta.New(o).WithScopes(appScopes).GetUser(t.Context(), "alice")
	f := wantError(t, err, apierr.Credentials, "invalid_request", "not a JWT: [redacted]")
	for _, part := range strings.Split(sent[0], ".") {
		if strings.Contains(f.Error(), part) {
			t.Errorf("%q is in %q", part, f.Error())
		}
	}
}
