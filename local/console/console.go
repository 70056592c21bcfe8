// Package console is the web page of the local product: forms for the actions, their results, and the settings that
// call them from SecOps. The pages are rendered from the catalog; the scripts call the functions as any client does.
package console

import (
	"bytes"
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
)

//go:embed templates assets
var files embed.FS

// Options describes the product that the console shows.
type Options struct {
	Org      string // host of the organization
	Emulator bool   // the organization is the emulator's: nothing is real
	ReadOnly bool   // every change is a dry run
	// Feed has the requests to the emulator, and Control is its control API. Both are nil without an emulator.
	Feed    *Feed
	Control http.Handler
}

// policy is the Content-Security-Policy: scripts and styles of this server only, no inline code, no frames.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

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
	if c.pages, err = template.New("").Funcs(template.FuncMap{"json": jsonText}).ParseFS(files,
		"templates/*.html"); err != nil {
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
	if o.Feed != nil {
		mux.HandleFunc("GET /console/traffic", func(w http.ResponseWriter, _ *http.Request) {
			c.render(w, http.StatusOK, page{Title: "Traffic", Traffic: true})
		})
		mux.HandleFunc("GET /console/events", c.events)
		mux.HandleFunc("POST /console/emulator/{path...}", c.control)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.notFound(w, r.URL.Path) })
	return mux, nil
}

func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// page is the data of a template.
type page struct {
	Options
	Tag     string
	Title   string
	Groups  []action.Group
	Group   action.Group
	Action  *actionForm
	Traffic bool
	Paths   string // JSON: the group of each function target
	Problem string
}

func (c *console) render(w http.ResponseWriter, status int, p page) {
	p.Options, p.Tag, p.Groups = c.Options, c.tag, handlers.Groups
	groups := map[string]string{}
	for _, g := range handlers.Groups {
		groups[g.Function] = g.Name
	}
	p.Paths, _ = jsonText(groups)
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
func (c *console) start(w http.ResponseWriter, _ *http.Request) {
	g, a, _ := action.Find(handlers.Groups, "disable-user")
	c.show(w, g, a, true)
}

func (c *console) action(w http.ResponseWriter, r *http.Request) {
	for _, g := range handlers.Groups {
		if a, ok := g.Find(r.PathValue("slug")); ok && g.Name == r.PathValue("group") {
			c.show(w, g, a, false)
			return
		}
	}
	c.notFound(w, r.URL.Path)
}

func (c *console) show(w http.ResponseWriter, g action.Group, a action.Action, filled bool) {
	form := newForm(g, a)
	form.Filled = filled
	c.render(w, http.StatusOK, page{Title: a.Name, Group: g, Action: &form})
}

// control passes a request on to the control API of the emulator.
func (c *console) control(w http.ResponseWriter, r *http.Request) {
	to := r.Clone(r.Context())
	to.URL.Path, to.URL.RawPath = "/_emulator/"+r.PathValue("path"), ""
	c.Control.ServeHTTP(w, to)
}

func (c *console) notFound(w http.ResponseWriter, name string) {
	c.render(w, http.StatusNotFound, page{
		Title: "Not found", Problem: "No page is at " + name + ". Choose an action in the list.",
	})
}

// asset serves a file under a URL with its tag, so that a browser may keep it.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, ok := c.assets[name]
	if !ok {
		c.notFound(w, r.URL.Path)
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
