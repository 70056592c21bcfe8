// Package console is the web page of the local product: forms for the actions, their results, and the settings that
// call them from SecOps; the users of the emulator; the requests to Okta; and the guardrails. The pages are rendered
// from the catalog; the scripts call the functions as any client does.
package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
	"example.com/okta-secops/local/emulator"
)

//go:embed templates assets
var files embed.FS

// Options describes the product that the console shows.
type Options struct {
	Org      string             // host of the organization
	Real     bool               // the organization is not an emulator's
	ReadOnly bool               // every change is a dry run
	Emulator *emulator.Emulator // nil: the organization is not in this process
	Jobs     bool               // the functions carry out jobs
	Feed     *Feed              // what happens in the product
	Policy   func(context.Context) (*guardrail.Policy, error)

	Started func(*http.Request) bool // reports whether a request may change the organization; nil: each may
	Start   http.HandlerFunc         // allows it for the token in its body
}

// policy is the Content-Security-Policy: scripts and styles of this server only, no inline code, no frames.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// console serves the pages.
type console struct {
	Options
	pages  *template.Template
	assets map[string][]byte // by name
	tag    string            // of the assets: it changes with their content
}

// Handler serves / and /console/.
func Handler(o Options) (http.Handler, error) {
	c := &console{Options: o, assets: map[string][]byte{}}
	var err error
	if c.pages, err = template.New("").ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "assets/*")
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c.assets[path.Base(name)] = text
		_, _ = sum.Write(text)
	}
	c.tag = hex.EncodeToString(sum.Sum(nil))[:16]
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.start)
	mux.HandleFunc("GET /console/actions/{group}/{slug}", c.action)
	mux.HandleFunc("GET /console/assets/{name}", c.asset)
	mux.HandleFunc("POST /console/wire", c.wire)
	mux.HandleFunc("GET /console/organization", c.organization)
	mux.HandleFunc("GET /console/traffic", func(w http.ResponseWriter, r *http.Request) {
		c.render(w, r, http.StatusOK, page{Page: "traffic", Title: "Traffic"})
	})
	mux.HandleFunc("GET /console/guardrails", c.guardrails)
	mux.HandleFunc("GET /console/events", c.events)
	if o.Start != nil {
		mux.HandleFunc("POST /console/start", o.Start)
	}
	if o.Emulator != nil {
		mux.HandleFunc("GET /console/organization/{user}", c.user)
		mux.HandleFunc("GET /console/switches", c.switches)
		mux.HandleFunc("POST /console/emulator/{path...}", c.control)
		mux.HandleFunc("DELETE /console/emulator/{path...}", c.control)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.notFound(w, r) })
	return mux, nil
}

func jsonText(v any) string {
	text, _ := json.Marshal(v) // values of the catalog can be encoded
	return string(text)
}

// link is a page in the navigation.
type link struct{ Name, Title, Path, Key string }

var pages = []link{
	{"actions", "Actions", "/", "a"},
	{"organization", "Organization", "/console/organization", "o"},
	{"traffic", "Traffic", "/console/traffic", "t"},
	{"guardrails", "Guardrails", "/console/guardrails", "u"},
}

// page is the data of a template.
type page struct {
	Options
	Tag, Page, Title string
	Pages            []link
	Paths            string // JSON: the group of each function target
	Locked           bool   // changes need the start token
	Problem          string

	// Of actions.
	Groups []action.Group
	Group  action.Group
	Action *actionForm

	// Of the organization.
	List        *userList
	User        *emulator.UserState
	Timeline    []emulator.Moment
	UserActions []userAction

	// Of the panel that makes the emulator fail.
	On       bool // something is switched on
	OnText   string
	Breakers []breaker
	Scopes   []string // of the service app

	// Of the guardrails.
	Guardrails *policyView
	TryActions []userAction
}

func (c *console) render(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.Options, p.Tag, p.Groups, p.Pages = c.Options, c.tag, handlers.Groups, pages
	groups := map[string]string{}
	for _, g := range handlers.Groups {
		groups[g.Function] = g.Name
	}
	p.Paths = jsonText(groups)
	p.Locked = c.Started != nil && !c.Started(r)
	if c.Emulator != nil {
		on := c.Emulator.Switches()
		p.OnText = sentence(on)
		p.On, p.Breakers, p.Scopes = p.OnText != "", breakers, on.Scopes
	}
	var b bytes.Buffer
	if err := c.pages.ExecuteTemplate(&b, "page.html", p); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// start shows Disable User with its example.
func (c *console) start(w http.ResponseWriter, r *http.Request) {
	g, a, _ := action.Find(handlers.Groups, "disable-user")
	c.show(w, r, g, a, !c.Real)
}

func (c *console) action(w http.ResponseWriter, r *http.Request) {
	for _, g := range handlers.Groups {
		if a, ok := g.Find(r.PathValue("slug")); ok && g.Name == r.PathValue("group") {
			c.show(w, r, g, a, false)
			return
		}
	}
	c.notFound(w, r)
}

func (c *console) show(w http.ResponseWriter, r *http.Request, g action.Group, a action.Action, filled bool) {
	form := newForm(g, a)
	form.Filled = filled
	c.render(w, r, http.StatusOK, page{Page: "actions", Title: a.Name, Group: g, Action: &form})
}

func (c *console) notFound(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusNotFound, page{
		Page: "actions", Title: "Not found", Problem: "No page is at " + r.URL.Path + ". Choose an action in the list.",
	})
}

// asset serves a file under a URL with its tag, so that a browser may keep it.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, ok := c.assets[name]
	if !ok {
		c.notFound(w, r)
		return
	}
	kind := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml"}
	h := w.Header()
	h.Set("Content-Type", kind[path.Ext(name)])
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == c.tag {
		h.Set("Cache-Control", "max-age=31536000, immutable")
	}
	_, _ = w.Write(text)
}
