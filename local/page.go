package main

import (
	"encoding/json"
	"html/template"
	"net/http"
	"path"
	"regexp"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/httpapi"
)

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>okta-secops, local</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  body { color: #1d1d1f; background: #fff }
  h2 { margin-bottom: 0 }
  table { border-collapse: collapse; width: 100% }
  td { padding: .25rem 1rem .25rem 0; vertical-align: top; border-top: 1px solid #ddd }
  code { font-size: .9em; white-space: nowrap }
</style>
<h1>okta-secops, local</h1>
<p>Every function of the product in one process. Each group below is one function when deployed.</p>
{{range .}}
<h2>{{.Function}}</h2>
<p>{{.Summary}} <a href="/{{.Name}}/actions">catalog</a> · <a href="/{{.Name}}/openapi.json">OpenAPI</a> ·
<a href="/{{.Name}}/ping">ping</a></p>
<table>{{$group := .Name}}
{{range .Actions}}<tr><td><b>{{.Name}}</b><td>{{.Summary}}<td><code>POST /{{$group}}/{{.Slug}}</code>
{{end}}</table>
{{end}}
</html>
`))

// indexPage lists the groups and actions.
func indexPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = pageTemplate.Execute(w, handlers.Groups)
}

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
