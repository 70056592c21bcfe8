package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"

	"example.com/okta-secops/secrets"
)

// The names under which a request carries the start token.
const (
	startCookie = "okta-secops-start"
	startHeader = "Start-Token"
)

// startToken is required to change a real org: any process and any user of this machine can reach the functions. It is
// printed at the start. Nil requires none.
type startToken struct{ value secrets.Value }

func newStartToken() *startToken { return &startToken{secrets.New(rand.Text())} }

// is reports whether a text is the token.
func (t *startToken) is(text string) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(t.value.Reveal())) == 1
}

// Started reports whether a request carries the token, as its header or as the cookie of the console.
func (t *startToken) Started(r *http.Request) bool {
	if t == nil {
		return true
	}
	cookie, err := r.Cookie(startCookie)
	return t.is(r.Header.Get(startHeader)) || err == nil && t.is(cookie.Value)
}

// require serves requests that could change something only if they carry the token. The console itself changes nothing.
func (t *startToken) require(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads && !strings.HasPrefix(r.URL.Path, "/console/") && !t.Started(r) {
			writeError(w, http.StatusUnauthorized, "start_token_required", "this product changes a real org: send the "+
				"token that go run ./local printed as the header "+startHeader)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Exchange sets the cookie of the console for the token in the body: {"token": "…"}.
func (t *startToken) Exchange(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"token"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
	if err != nil || t == nil || !t.is(strings.TrimSpace(in.Token)) {
		writeError(w, http.StatusForbidden, "wrong_start_token",
			"this is not the token that go run ./local printed when it started")
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // browsers do not all keep a Secure cookie of http://127.0.0.1
		Name: startCookie, Value: t.value.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}
