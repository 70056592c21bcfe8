package main

import (
	"encoding/json"
	"net/http"
	"path"
	"regexp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/httpapi"
)

// unknownPath replies to a path of no group with 404, and with the right path if it names an
// action.
func unknownPath(w http.ResponseWriter, r *http.Request) {
	text := "no group serves " + r.URL.Path + "; the path of an action is /<group>/<action>, and / lists all actions"
	for _, g := range handlers.Groups {
		if a, ok := g.Find(r.URL.Path[1:]); ok {
			text = a.Name + " is at /" + g.Name + "/" + a.Slug
			break
		}
	}
	writeError(w, http.StatusNotFound, "unknown_path", text)
}

var slashes = regexp.MustCompile("//+")

// mergeSlashes serves a path with repeated slashes, which a base URL with a trailing slash
// produces, as the path with single slashes. It replies 404 to a path that the mux would still
// redirect (., ..), because a redirect turns a POST into a GET.
func mergeSlashes(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		u.Path, u.RawPath = slashes.ReplaceAllString(u.Path, "/"), slashes.ReplaceAllString(u.RawPath, "/")
		merged := *r
		merged.URL = &u
		if clean := path.Clean(u.Path); clean != u.Path && clean+"/" != u.Path {
			unknownPath(w, &merged)
			return
		}
		h.ServeHTTP(w, &merged)
	})
}

// rejectForeignPages replies 403 to requests from web pages of other origins, for every
// CALLER_AUTH.
func rejectForeignPages(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := apierr.As(caller.OwnPage(r)); f != nil {
			writeError(w, http.StatusForbidden, f.Code, f.Message)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// writeError writes an error in the format of an action's reply.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(httpapi.Refusal(code, message))
}
