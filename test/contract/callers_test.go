package contract_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

const (
	audience = "https://okta-users-1234.europe-west3.run.app"
	soar     = "soar@acme.iam.gserviceaccount.com"

	allKey    = "canary-key-of-secops-0123456789"
	readerKey = "canary-key-of-reader-0123456789"
)

// disableAlice is the write that no stranger may bring about.
var disableAlice = request{Parameters: params{"User IDs": "alice", "Is Deactivate": false}}.String()

func byToken(t *testing.T, accounts *fakegcp.Accounts) *testkit.World {
	t.Helper()
	return testkit.New(t, testkit.Options{Google: accounts, Env: map[string]string{
		"CALLER_AUTH": "oidc", "CALLER_AUDIENCE": "https://other.run.app, " + audience, "CALLER_EMAILS": "other@acme.test," + soar,
	}})
}

func byKey(t *testing.T) *testkit.World {
	t.Helper()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"}})
	w.Replace("callers", secrets.New(`[{"id": "secops", "key": "`+allKey+`", "actions": ["*"]}, {"id": "reader", "key": "`+readerKey+`", "actions": ["Get User", "ping"]}]`))
	return w
}

func authorization(values ...string) http.Header { return http.Header{"Authorization": values} }

// jws is a token with this header and these claims and any signature.
func jws(header string, claims jwt.MapClaims, signature []byte) string {
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode(b) + "." + encode(signature)
}

func TestNobodyCallsWithoutAnIDTokenOfGoogles(t *testing.T) {
	t.Parallel()
	accounts := &fakegcp.Accounts{}
	w := byToken(t, accounts)
	forger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(changes map[string]any) jwt.MapClaims { return fakegcp.Claims(audience, soar, changes) }
	token := func(changes map[string]any) string { return accounts.Token(claims(changes)) }
	good := token(nil)
	header, payload, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(payload, ".")
	now := time.Now().Unix()

	for name, h := range map[string]http.Header{
		"nothing":                        {},
		"an empty header":                authorization(""),
		"the scheme alone":               authorization("Bearer "),
		"another scheme":                 authorization("Basic " + good),
		"a lower-case scheme":            authorization("bearer " + good),
		"two blanks":                     authorization("Bearer  " + good),
		"a token and more":               authorization("Bearer " + good + " x"),
		"the header twice":               authorization("Bearer "+good, "Bearer "+good),
		"a good one and a bad one":       authorization("Bearer x", "Bearer "+good),
		"in another header":              {"X-Serverless-Authorization": {"Bearer " + good}},
		"no token":                       authorization("Bearer x"),
		"two parts":                      authorization("Bearer " + header + "." + payload),
		"four parts":                     authorization("Bearer " + good + ".x"),
		"too long":                       authorization("Bearer " + token(map[string]any{"x": strings.Repeat("x", 8<<10)})),
		"forged":                         authorization("Bearer " + fakegcp.Sign(jwt.SigningMethodRS256, forger, claims(nil))),
		"a signature of another token":   authorization("Bearer " + header + "." + strings.Split(token(map[string]any{"sub": "1"}), ".")[1] + "." + signature),
		"the platform's signature":       authorization("Bearer " + header + "." + payload + ".SIGNATURE_REMOVED_BY_GOOGLE"),
		"no signature":                   authorization("Bearer " + header + "." + payload + "."),
		"alg none":                       authorization("Bearer " + jws(`{"alg":"none","kid":"google-1"}`, claims(nil), nil)),
		"alg None":                       authorization("Bearer " + jws(`{"alg":"None","kid":"google-1"}`, claims(nil), nil)),
		"no alg":                         authorization("Bearer " + jws(`{"kid":"google-1"}`, claims(nil), nil)),
		"HS256 with the public key":      authorization("Bearer " + fakegcp.Sign(jwt.SigningMethodHS256, accounts.PublicKey(), claims(nil))),
		"ES256":                          authorization("Bearer " + fakegcp.Sign(jwt.SigningMethodES256, ec, claims(nil))),
		"ES256 with a short signature":   authorization("Bearer " + jws(`{"alg":"ES256","kid":"google-1"}`, claims(nil), []byte{1})),
		"RS512":                          authorization("Bearer " + fakegcp.Sign(jwt.SigningMethodRS512, forger, claims(nil))),
		"an unknown kid":                 authorization("Bearer " + jws(`{"alg":"RS256","kid":"google-2"}`, claims(nil), []byte{1})),
		"a header that is an array":      authorization("Bearer " + jws(`["RS256"]`, claims(nil), []byte{1})),
		"expired":                        authorization("Bearer " + token(map[string]any{"exp": now - 1, "iat": now - 3600})),
		"without an end":                 authorization("Bearer " + token(map[string]any{"exp": nil})),
		"not yet valid by iat":           authorization("Bearer " + token(map[string]any{"iat": now + 3600})),
		"not yet valid by nbf":           authorization("Bearer " + token(map[string]any{"nbf": now + 3600})),
		"another audience":               authorization("Bearer " + token(map[string]any{"aud": "https://evil.test"})),
		"no audience":                    authorization("Bearer " + token(map[string]any{"aud": nil})),
		"the audience among others":      authorization("Bearer " + token(map[string]any{"aud": []string{audience, "https://evil.test"}})),
		"the audience with a path":       authorization("Bearer " + token(map[string]any{"aud": audience + "/"})),
		"another issuer":                 authorization("Bearer " + token(map[string]any{"iss": "https://evil.test"})),
		"an issuer that begins alike":    authorization("Bearer " + token(map[string]any{"iss": "https://accounts.google.com.evil.test"})),
		"no issuer":                      authorization("Bearer " + token(map[string]any{"iss": nil})),
		"another e-mail address":         authorization("Bearer " + token(map[string]any{"email": "mallory@acme.iam.gserviceaccount.com"})),
		"an address that ends alike":     authorization("Bearer " + token(map[string]any{"email": "x" + soar})),
		"no e-mail address":              authorization("Bearer " + token(map[string]any{"email": nil})),
		"an address that is a list":      authorization("Bearer " + token(map[string]any{"email": []string{soar}})),
		"an address not verified":        authorization("Bearer " + token(map[string]any{"email_verified": false})),
		"an address verified in words":   authorization("Bearer " + token(map[string]any{"email_verified": "true"})),
		"an address of unknown standing": authorization("Bearer " + token(map[string]any{"email_verified": nil})),
	} {
		wantStranger(t, w, name, "users/disable-user", h)
	}
	wantStranger(t, w, "a token in the query", "users/disable-user?access_token="+good, http.Header{})
	if accounts.Fetched() != 1 {
		t.Errorf("Google's keys were fetched %d times", accounts.Fetched())
	}
	for name, h := range map[string]http.Header{
		"as it should be":             authorization("Bearer " + good),
		"by the issuer's old name":    authorization("Bearer " + token(map[string]any{"iss": "accounts.google.com"})),
		"with an address in capitals": authorization("Bearer " + token(map[string]any{"email": strings.ToUpper(soar)})),
		"by a clock that is ahead":    authorization("Bearer " + token(map[string]any{"iat": now + 30})),
	} {
		if r := w.Do(http.MethodPost, "users/get-user", request{Parameters: params{"User IDs": "alice"}}.String(), h); r.HTTP != 200 {
			t.Errorf("%s: %d %s", name, r.HTTP, r.Body)
		}
	}
}

// wantStranger wants one and the same refusal, on every path but that of health, and Okta not to have been asked.
func wantStranger(t *testing.T, w *testkit.World, name, path string, h http.Header) {
	t.Helper()
	r := w.Do(http.MethodPost, path, disableAlice, h)
	want := map[string]any{
		"action": "Disable User", "status": "failure", "is_success": false, "json_result": nil, "targets": []any{}, "entities": []any{}, "warnings": []any{},
		"output_message": `Error executing action "Disable User". Reason: the caller is not authenticated`,
		"script_result":  map[string]any{"name": "is_success", "value": false}, "replayed": nil,
		"error": map[string]any{"code": "unauthenticated", "message": "the caller is not authenticated", "problems": []any{}},
	}
	got := r.JSON
	delete(got, "invocation_id")
	if diff := cmp.Diff(want, got); r.HTTP != 401 || diff != "" {
		t.Errorf("%s: %d (-want +got):\n%s", name, r.HTTP, diff)
	}
	for _, g := range handlers.Groups {
		for _, path := range []string{"/ping", "/actions", "/openapi.json", "/", "/no-such-action", "/pubsub"} {
			if r := w.Do(http.MethodGet, g.Name+path, "", h); r.HTTP != 401 {
				t.Errorf("%s: GET /%s%s: %d", name, g.Name, path, r.HTTP)
			}
		}
	}
	if asked := w.Okta.Requests(); len(asked) > 0 {
		t.Errorf("%s: Okta was asked %v", name, asked)
	}
	if u := w.User("alice"); u.Status != "ACTIVE" {
		t.Errorf("%s: alice is %s", name, u.Status)
	}
}

func TestACallerWhoCannotBeCheckedIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	accounts := &fakegcp.Accounts{}
	w := byToken(t, accounts)
	h := authorization("Bearer " + accounts.Token(fakegcp.Claims(audience, soar, nil)))
	accounts.SetDown(true)
	r := w.Do(http.MethodPost, "users/disable-user", disableAlice, h)
	if r.HTTP != 503 || r.Header.Get("Retry-After") == "" || r.Get("error", "code") != "caller_unverifiable" || len(w.Okta.Requests()) > 0 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	accounts.SetDown(false)
	if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, h); r.HTTP != 200 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}

func TestNobodyCallsWithoutAKey(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	key := func(values ...string) http.Header { return http.Header{"X-Api-Key": values} }
	for name, h := range map[string]http.Header{
		"nothing":               {},
		"an empty key":          key(""),
		"an unknown key":        key("canary-key-of-nobody-0123456789"),
		"the start of a key":    key(allKey[:24]),
		"a key and more":        key(allKey + "x"),
		"a key in other case":   key(strings.ToUpper(allKey)),
		"the header twice":      key(allKey, allKey),
		"two keys":              key("x", allKey),
		"two keys in one":       key(allKey + ", " + readerKey),
		"the id of a key":       key("secops"),
		"in another header":     {"X-Key": {allKey}},
		"as a bearer":           authorization("Bearer " + allKey),
		"in a cookie":           {"Cookie": {"X-Api-Key=" + allKey}},
		"the digest of the key": key(digestOf(allKey)),
	} {
		wantStranger(t, w, name, "users/disable-user", h)
	}
	wantStranger(t, w, "in the query", "users/disable-user?X-Api-Key="+allKey, http.Header{})

	if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, key(allKey)); r.HTTP != 200 || r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
}

func TestAKeyCallsItsActionsOnly(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	reader := http.Header{"X-Api-Key": {readerKey}}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "users/get-user", `{"parameters": {"User IDs": "alice"}}`, 200},
		{"POST", "users", `{"action": "get user", "parameters": {"User IDs": "alice"}}`, 200},
		{"GET", "users/ping", "", 200},
		{"GET", "groups/ping", "", 200},
		{"GET", "users/actions", "", 200},
		{"POST", "users/disable-user", disableAlice, 403},
		{"POST", "users/disable-user/", disableAlice, 403},
		{"POST", "users", `{"action": "Disable User", "parameters": {"User IDs": "alice"}}`, 403},
		{"POST", "users", `{"action": "DISABLE-USER", "parameters": {"User IDs": "alice"}}`, 403},
		{"POST", "users/disable-user", `{"action": "Disable User", "parameters": {"User IDs": "alice"}}`, 403},
		{"POST", "users/get-user", `{"action": "Disable User", "parameters": {"User IDs": "alice"}}`, 400},
		{"POST", "users/list-users", `{}`, 403},
	} {
		r := w.Do(c.method, c.path, c.body, reader)
		if r.HTTP != c.want {
			t.Errorf("%s %s %s: %d %s, want %d", c.method, c.path, c.body, r.HTTP, r.Body, c.want)
		}
		if message, _ := r.Get("error", "message").(string); c.want == 403 && !strings.Contains(message, "the key reader may not call") {
			t.Errorf("%s %s: %s", c.path, c.body, message)
		}
	}
	w.WantWrites()
}

func digestOf(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

// The length of a key cannot be seen in its digest: a short key is refused when it is presented.
func TestAPIKey_AcceptsKeyBySHA256Digest(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	w.Replace("callers", secrets.New(`[{"id": "secops", "sha256": "`+digestOf(allKey)+`", "actions": ["*"]},
		{"id": "reader", "sha256": "`+strings.ToUpper(digestOf(readerKey))+`", "actions": ["Get User", "ping"]},
		{"id": "short", "sha256": "`+digestOf("canary-of-23-characters")+`", "actions": ["*"]}]`))
	for _, key := range []string{digestOf(allKey), digestOf(readerKey), "canary-of-23-characters", "canary-key-of-nobody-0123456789"} {
		wantStranger(t, w, key, "users/disable-user", http.Header{"X-Api-Key": {key}})
	}
	reader := http.Header{"X-Api-Key": {readerKey}}
	if r := w.Do(http.MethodGet, "users/ping", "", reader); r.HTTP != 200 {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, reader); r.HTTP != 403 || !strings.Contains(string(r.Body), "the key reader may not call") {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {allKey}}); r.HTTP != 200 || r.Get("status") != "success" {
		t.Errorf("%d %s", r.HTTP, r.Body)
	}
	last := records(t, w)[len(records(t, w))-1]
	if last["caller"] != "secops" || strings.Contains(w.Log(), "in plain text") || strings.Contains(w.Log(), allKey) {
		t.Errorf("caller %v in the log\n%s", last["caller"], w.Log())
	}
}

func TestAPIKey_WarnsOfPlainKeysOncePerLoad(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	ping := func(key string) {
		t.Helper()
		if r := w.Do(http.MethodGet, "users/ping", "", http.Header{"X-Api-Key": {key}}); r.HTTP != 200 {
			t.Errorf("%d %s", r.HTTP, r.Body)
		}
	}
	warnings := func() (ids []string) {
		for line := range strings.Lines(w.Log()) {
			var entry struct{ Level, Msg, IDs string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatal(err)
			}
			if entry.Level == "WARN" && strings.Contains(entry.Msg, "CALLER_KEYS_SECRET holds keys in plain text") {
				ids = append(ids, entry.IDs)
			}
		}
		return ids
	}
	for range 3 {
		ping(allKey)
		ping(readerKey)
		w.Clock.Advance(6 * time.Minute) // the unchanged secret is read again
	}
	if diff := cmp.Diff([]string{"secops, reader"}, warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	w.Replace("callers", secrets.New(`[{"id": "secops", "sha256": "`+digestOf(allKey)+`", "actions": ["*"]}, {"id": "reader", "key": "`+readerKey+`", "actions": ["ping"]}]`))
	w.Clock.Advance(6 * time.Minute)
	ping(allKey)
	if diff := cmp.Diff([]string{"secops, reader", "reader"}, warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if strings.Contains(w.Log(), "canary-key") {
		t.Error("a key is in the log")
	}
}

// TestCallersKeysAreRotatedWithoutARestart: a new key counts at its first use, and one that was taken away within five
// minutes.
func TestCallersKeysAreRotatedWithoutARestart(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	call := func(key string, want int) {
		t.Helper()
		if r := w.Do(http.MethodGet, "users/ping", "", http.Header{"X-Api-Key": {key}}); r.HTTP != want {
			t.Errorf("%s: %d %s, want %d", key, r.HTTP, r.Body, want)
		}
	}
	const next = "canary-key-of-secops-next-9876543210"
	call(allKey, 200)
	call(next, 401)
	w.Clock.Advance(30 * time.Second)
	w.Replace("callers", secrets.New(`[{"id": "secops", "key": "`+allKey+`", "actions": ["*"]}, {"id": "secops-2", "key": "`+next+`", "actions": ["*"]}]`))
	call(next, 200)
	call(allKey, 200)
	w.Replace("callers", secrets.New(`[{"id": "secops-2", "key": "`+next+`", "actions": ["*"]}]`))
	w.Clock.Advance(5 * time.Minute)
	call(allKey, 401)
	call(next, 200)
}

// undisclosed is all that an unauthenticated caller is told of a wrong setting.
const undisclosed = "the function is misconfigured; its log has the details"

func TestKeysThatCannotBeServedAreMisconfigured(t *testing.T) {
	t.Parallel()
	w := byKey(t)
	for text, say := range map[string]string{
		`[]`:                           "the list of keys is empty",
		`{"secops": "` + allKey + `"}`: "not a JSON array of keys",
		allKey:                         "not a JSON array of keys",
		`[{"id": "secops", "key": "canary-of-23-characters", "actions": ["*"]}]`:                                                            "the key secops has fewer than 24 characters",
		`[{"id": "secops", "key": "` + allKey + `"}]`:                                                                                       "the key secops has no actions",
		`[{"id": "secops", "key": "` + allKey + `", "actions": [" "]}]`:                                                                     "an action without a name",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["ping", "Ban User"]}]`:                                                           "the key a has an action that does not exist, the 2nd of its list",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["*", "ban-user"]}]`:                                                              "the key a has an action that does not exist, the 2nd",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["ping"], "Actions": ["*"]}]`:                                                     "key 1: the member actions occurs twice",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["ping"], "action\u017f": ["*"]}]`:                                                "key 1: the member actions occurs twice",
		`[{"id": "b", "key": "` + readerKey + `", "actions": ["*"]}, {"ID": "x", "key": "` + allKey + `", "actions": ["ping"], "id": "a"}]`: "key 2: the member id occurs twice",
		`[{"id": "a", "key": "` + readerKey + `", "key": "` + allKey + `", "actions": ["*"]}]`:                                              "key 1: the member key occurs twice",
		`[{"key": "` + allKey + `", "actions": ["*"]}]`:                                                                                     "key 1: the id must be",
		`[{"id": "a b", "key": "` + allKey + `", "actions": ["*"]}]`:                                                                        "key 1: the id must be",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["*"]}, {"id": "a", "key": "` + readerKey + `", "actions": ["*"]}]`:               "the id a occurs twice",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["*"]}, {"id": "b", "key": "` + allKey + `", "actions": ["*"]}]`:                  "a and b are the same key",
		`[{"id": "a", "key": "` + allKey + ` \u00e9", "actions": ["*"]}]`:                                                                   "printable ASCII",
		`[{"id": "a", "actions": ["*"]}]`:                                                                                                   `the key a must have either "sha256" or "key"`,
		`[{"id": "a", "key": "` + allKey + `", "sha256": "` + digestOf(allKey) + `", "actions": ["*"]}]`:                                    `the key a must have either "sha256" or "key"`,
		`[{"id": "a", "sha256": "` + allKey + `", "actions": ["*"]}]`:                                                                       `the key a has a "sha256" that is not 64 hexadecimal digits`,
		`[{"id": "a", "sha256": "` + digestOf(allKey)[2:] + `", "actions": ["*"]}]`:                                                         `the key a has a "sha256" that is not 64 hexadecimal digits`,
		`[{"id": "a", "sha256": "", "actions": ["*"]}]`:                                                                                     `the key a has a "sha256" that is not 64 hexadecimal digits`,
		`[{"id": "a", "key": "", "sha256": "` + digestOf(allKey) + `", "actions": ["*"]}]`:                                                  `the key a must have either "sha256" or "key"`,
		`[{"id": "a", "sha256": "` + digestOf(allKey) + `", "SHA256": "` + digestOf(readerKey) + `", "actions": ["*"]}]`:                    "key 1: the member sha256 occurs twice",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["*"]}, {"id": "b", "sha256": "` + digestOf(allKey) + `", "actions": ["*"]}]`:     "a and b are the same key",
		`[{"id": "a", "key": "` + allKey + `", "action": "*"}]`:                                                                             "not a JSON array of keys",
		`[{"id": "a", "key": "` + allKey + `", "actions": ["*"]}] x`:                                                                        "unexpected data after the JSON array",
	} {
		w.Replace("callers", secrets.New(text))
		before := len(w.Log())
		r := w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {allKey}})
		if r.HTTP != 500 || r.Get("error", "code") != "misconfigured" || r.Get("error", "message") != undisclosed {
			t.Errorf("%s: %d %s", text, r.HTTP, r.Body)
		}
		if log := w.Log()[before:]; !strings.Contains(log, strings.ReplaceAll(say, `"`, `\"`)) || !strings.Contains(log, "CALLER_KEYS_SECRET") {
			t.Errorf("%s: %q is not in the log %s", text, say, log)
		}
	}
	w.Replace("callers", secrets.Value{})
	if r := w.Do(http.MethodPost, "users/disable-user", disableAlice, http.Header{"X-Api-Key": {allKey}}); r.HTTP != 500 || r.Get("error", "message") != undisclosed || !strings.Contains(w.Log(), "empty") {
		t.Errorf("no keys at all: %d %s", r.HTTP, r.Body)
	}
	w.WantWrites()
}

// TestThePlatformsCallersAreNamed: iam relies on Cloud Run's check; who comes without a token was not checked.
func TestThePlatformsCallersAreNamed(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"CALLER_AUTH": "iam", "K_SERVICE": "okta-users"}})
	removed := jws(`{"alg":"RS256"}`, fakegcp.Claims(audience, soar, nil), nil) + "SIGNATURE_REMOVED_BY_GOOGLE"
	for name, h := range map[string]http.Header{"nothing": {}, "no token": authorization("Bearer"), "twice": authorization("Bearer "+removed, "Bearer "+removed)} {
		wantStranger(t, w, name, "users/disable-user", h)
	}
	for name, h := range map[string]http.Header{
		"Authorization":              authorization("Bearer " + removed),
		"X-Serverless-Authorization": {"Authorization": {"Basic x"}, "X-Serverless-Authorization": {"bearer " + removed}},
		"an access token":            authorization("Bearer ya29.canary"),
	} {
		if r := w.Do(http.MethodGet, "users/ping", "", h); r.HTTP != 200 {
			t.Errorf("%s: %d %s", name, r.HTTP, r.Body)
		}
	}
}
