package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxLoad is the maximum number of load users that one request adds.
const maxLoad = 100_000

// serveControl serves /_emulator/. It rejects pages of other origins and host names that resolve to
// this machine, so that a website cannot control the emulator through a browser.
func (e *Emulator) serveControl(w http.ResponseWriter, r *http.Request) {
	if !isOwnHost(r) {
		writeControlError(w, http.StatusForbidden, "the control API requires a loopback address as Host")
		return
	}
	if origin, ok := r.Header["Origin"]; ok && (len(origin) != 1 || !isOwnOrigin(origin[0], r)) {
		writeControlError(w, http.StatusForbidden, "the control API rejects requests from pages of other origins")
		return
	}
	e.control.ServeHTTP(w, r)
}

// isOwnOrigin reports whether an Origin is the scheme and host of the request.
func isOwnOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" && r.TLS == nil || u.Scheme == "https" && r.TLS != nil) && u.Host == r.Host
}

// controlRoutes returns the routes of the control API.
func (e *Emulator) controlRoutes() *controlMux {
	mux := newControlMux()
	mux.HandleFunc("POST /_emulator/reset", func(w http.ResponseWriter, _ *http.Request) {
		e.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_emulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		requests, dropped := e.log()
		w.Header().Set(droppedHeader, strconv.Itoa(dropped))
		writeJSON(w, http.StatusOK, requests)
	})
	mux.HandleFunc("DELETE /_emulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		e.ClearRequests()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_emulator/signals", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, e.Signals())
	})
	mux.HandleFunc("POST /_emulator/users", e.postUsers)
	mux.HandleFunc("POST /_emulator/directory", e.postDirectory)
	mux.HandleFunc("POST /_emulator/faults", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, Fault.check, e.AddFault)
	})
	mux.HandleFunc("POST /_emulator/limits", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, Limit.check, e.AddLimit)
	})
	mux.HandleFunc("POST /_emulator/search-lag", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, searchLag.check, func(in searchLag) { e.SetSearchLag(time.Duration(in.MS) * time.Millisecond) })
	})
	mux.HandleFunc("POST /_emulator/deactivation", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, Deactivation.check, e.SetDeactivation)
	})
	mux.HandleFunc("POST /_emulator/token", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, tokenInput.check, func(in tokenInput) { e.SetToken(in.Token, in.Keep) })
	})
	mux.HandleFunc("POST /_emulator/app", func(w http.ResponseWriter, r *http.Request) {
		applyJSON(w, r, appInput.check, e.changeApps)
	})
	mux.HandleFunc("GET /_emulator/switches", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, e.Switches())
	})
	mux.HandleFunc("DELETE /_emulator/switches", func(w http.ResponseWriter, _ *http.Request) {
		e.SwitchOff()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /_emulator/tokens", func(w http.ResponseWriter, _ *http.Request) {
		e.RevokeTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// postUsers implements POST /_emulator/users?count=N.
func (e *Emulator) postUsers(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.URL.Query().Get("count"))
	if err != nil || count < 1 || count > maxLoad {
		writeControlError(w, http.StatusBadRequest, fmt.Sprintf("count: must be a number from 1 to %d", maxLoad))
		return
	}
	e.mu.Lock()
	e.org.addLoad(count, e.now().UTC())
	e.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]int{"added": count})
}

// tokenInput is the body of POST /_emulator/token.
type tokenInput struct {
	Token string `json:"token"`
	Keep  bool   `json:"keep"` // earlier tokens stay valid
}

func (t tokenInput) check() string {
	invalid := func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }
	if t.Token == "" || strings.ContainsFunc(t.Token, invalid) {
		return "token: must be printable ASCII without spaces, and not empty"
	}
	return ""
}

// applyJSON decodes the body, checks it and calls apply. check returns the problem, or "" if there
// is none.
func applyJSON[T any](w http.ResponseWriter, r *http.Request, check func(T) string, apply func(T)) {
	var in T
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeControlError(w, http.StatusRequestEntityTooLarge, "the body is too large")
		return
	}
	problem := decodeStrictly(body, &in)
	if problem == "" {
		problem = check(in)
	}
	if problem != "" {
		writeControlError(w, http.StatusBadRequest, problem)
		return
	}
	apply(in)
	w.WriteHeader(http.StatusNoContent)
}

// decodeStrictly decodes one JSON object without unknown fields. It returns the problem, with the
// field if possible, or "" if there is none.
func decodeStrictly(body []byte, v any) string {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fmt.Sprintf("%s: must not be a JSON %s", wrongType.Field, wrongType.Value)
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		return strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`) + ": is an unknown field"
	case err != nil:
		return "the body is not a JSON object"
	}
	if _, err := d.Token(); err != io.EOF {
		return "the body has more than one JSON value"
	}
	return ""
}

// writeControlError writes an error of the emulator itself, which does not have Okta's format.
func writeControlError(w http.ResponseWriter, status int, problem string) {
	writeJSON(w, status, map[string]string{"error": problem})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(v))
}
