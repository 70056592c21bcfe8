package emulator

import (
	"cmp"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// eventProvider is a security events provider: a transmitter whose tokens the organization accepts.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SSFReceiver/
type eventProvider struct {
	id, name, kind string
	active         bool
	settings       providerSettings
	keys           map[string]crypto.PublicKey // of RegisterTransmitter; nil: they are fetched
}

// providerSettings are the settings of a provider, as the API has them. A request has either the first or the
// other two; a response to one with the first has all.
type providerSettings struct {
	WellKnownURL string `json:"well_known_url,omitempty"`
	Issuer       string `json:"issuer,omitempty"`
	JWKSURL      string `json:"jwks_url,omitempty"`
}

// RegisterTransmitter registers a security events provider whose keys are given. The emulator verifies tokens of
// the issuer with the key of their kid. It replaces earlier keys of the issuer, and panics if the JWKS is not valid.
func (e *Emulator) RegisterTransmitter(issuer string, jwks []byte) {
	keys, err := parseJWKS(jwks)
	if err != nil {
		panic(fmt.Sprintf("emulator: registering the transmitter %s: %v", issuer, err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.providerOf(issuer)
	if p == nil {
		p = e.addProvider("Transmitter "+issuer, "okta", providerSettings{Issuer: issuer})
	}
	p.keys = keys
}

// providerOf returns the provider of an issuer; nil if there is none.
func (e *Emulator) providerOf(issuer string) *eventProvider {
	i := slices.IndexFunc(e.eventProviders, func(p *eventProvider) bool { return p.settings.Issuer == issuer })
	if i < 0 {
		return nil
	}
	return e.eventProviders[i]
}

func (e *Emulator) addProvider(name, kind string, s providerSettings) *eventProvider {
	e.providersAdded++
	p := &eventProvider{
		id: newID("sse", strconv.Itoa(e.providersAdded), name), name: name, kind: kind, active: true, settings: s,
	}
	e.eventProviders = append(e.eventProviders, p)
	return p
}

func (p *eventProvider) body(base string) map[string]any {
	self := base + "/api/v1/security-events-providers/" + p.id
	allow := func(methods ...string) map[string]any {
		return map[string]any{"hints": map[string]any{"allow": methods}}
	}
	status, change := "ACTIVE", "deactivate"
	if !p.active {
		status, change = "INACTIVE", "activate"
	}
	return map[string]any{
		"id": p.id, "name": p.name, "type": p.kind, "status": status, "settings": p.settings,
		"_links": map[string]any{
			"self": link(self, allow("GET", "PUT", "DELETE")),
			change: link(self+"/lifecycle/"+change, allow("POST")),
		},
	}
}

// listEventProviders implements GET /api/v1/security-events-providers.
func (e *Emulator) listEventProviders(c *oktaCall) (oktaResponse, *oktaError) {
	bodies := []map[string]any{}
	for _, p := range e.eventProviders {
		bodies = append(bodies, p.body(c.base))
	}
	return oktaResponse{body: bodies}, nil
}

// onProvider adapts a handler of one provider.
func (e *Emulator) onProvider(h func(*oktaCall, *eventProvider) (oktaResponse, *oktaError)) oktaHandler {
	return func(c *oktaCall) (oktaResponse, *oktaError) {
		id := c.PathValue("provider")
		i := slices.IndexFunc(e.eventProviders, func(p *eventProvider) bool { return p.id == id })
		if i < 0 {
			return oktaResponse{}, notFound(id, "SecurityEventsProvider")
		}
		return h(c, e.eventProviders[i])
	}
}

func getEventProvider(c *oktaCall, p *eventProvider) (oktaResponse, *oktaError) {
	return oktaResponse{body: p.body(c.base)}, nil
}

// createEventProvider implements POST /api/v1/security-events-providers. Okta's specification has the members and
// their lengths. It does not say when Okta fetches the metadata; that its response has their issuer and JWKS URL
// shows that it does so at once.
func (e *Emulator) createEventProvider(c *oktaCall) (oktaResponse, *oktaError) {
	r, failure := e.providerRequest(c, nil)
	if failure != nil {
		return oktaResponse{}, failure
	}
	return oktaResponse{body: e.addProvider(r.Name, r.Type, r.Settings).body(c.base)}, nil
}

// replaceEventProvider implements PUT /api/v1/security-events-providers/{id}.
func (e *Emulator) replaceEventProvider(c *oktaCall, p *eventProvider) (oktaResponse, *oktaError) {
	r, failure := e.providerRequest(c, p)
	if failure != nil {
		return oktaResponse{}, failure
	}
	p.name, p.kind, p.settings, p.keys = r.Name, r.Type, r.Settings, nil
	return oktaResponse{body: p.body(c.base)}, nil
}

func (e *Emulator) deleteEventProvider(_ *oktaCall, p *eventProvider) (oktaResponse, *oktaError) {
	e.eventProviders = slices.DeleteFunc(e.eventProviders, func(q *eventProvider) bool { return p == q })
	return oktaResponse{status: http.StatusNoContent}, nil
}

// setProviderStatus implements POST …/lifecycle/activate and …/lifecycle/deactivate. A provider that already has
// the status keeps it: the specification has no error for that.
func setProviderStatus(active bool) func(*oktaCall, *eventProvider) (oktaResponse, *oktaError) {
	return func(c *oktaCall, p *eventProvider) (oktaResponse, *oktaError) {
		p.active = active
		return oktaResponse{body: p.body(c.base)}, nil
	}
}

// providerRequest is the body that creates or replaces a provider.
type providerRequest struct {
	Name     string           `json:"name"`
	Type     string           `json:"type"`
	Settings providerSettings `json:"settings"`
}

var issuerForm = regexp.MustCompile(`^\S+$`)

// providerRequest checks a body, and completes its settings from the metadata that were fetched. self is the
// provider that it replaces.
func (e *Emulator) providerRequest(c *oktaCall, self *eventProvider) (providerRequest, *oktaError) {
	var r providerRequest
	if failure := c.decode(&r); failure != nil {
		return r, failure
	}
	s := r.Settings
	const blank = "The field cannot be left blank"
	long := func(most int) string {
		return "The field is too long. The maximum length is " + strconv.Itoa(most) + " characters"
	}
	for _, check := range []struct {
		wrong         bool
		field, reason string
	}{
		{r.Name == "", "name", blank},
		{len(r.Name) > 100, "name", long(100)},
		{r.Type == "", "type", blank},
		{len(r.Type) > 255, "type", long(255)},
		{
			s.WellKnownURL == "" && s == (providerSettings{}) || s.WellKnownURL != "" && (s.Issuer != "" || s.JWKSURL != ""),
			"settings", "The settings must have either well_known_url, or issuer and jwks_url",
		},
		{len(s.WellKnownURL) > 1000, "well_known_url", long(1000)},
		{s.WellKnownURL == "" && !issuerForm.MatchString(s.Issuer), "issuer", blank},
		{len(s.Issuer) > 700, "issuer", long(700)},
		{s.WellKnownURL == "" && s.JWKSURL == "", "jwks_url", blank},
		{len(s.JWKSURL) > 1000, "jwks_url", long(1000)},
		{s.WellKnownURL == "" && !isURL(s.JWKSURL), "jwks_url", "The field must be a URL"},
	} {
		if check.wrong {
			return r, invalid(check.field, check.reason)
		}
	}
	if s.WellKnownURL != "" {
		if c.fetched.problem != "" {
			return r, invalid("well_known_url", c.fetched.problem)
		}
		r.Settings.Issuer, r.Settings.JWKSURL = c.fetched.metadata.Issuer, c.fetched.metadata.JWKSURI
	}
	if other := e.providerOf(r.Settings.Issuer); other != nil && other != self {
		return r, invalid("issuer", "An object with this field already exists in the current organization")
	}
	return r, nil
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// fetched has the documents that were fetched for a request before it is handled.
type fetched struct {
	problem  string // in words; "": none
	metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	keys map[string]crypto.PublicKey // of the provider of a token; nil: they cannot be fetched
}

// fetchMetadata fetches the metadata that a request to create or replace a provider names.
func (e *Emulator) fetchMetadata(c *oktaCall) {
	var r providerRequest
	if json.Unmarshal(c.body, &r) != nil || r.Settings.WellKnownURL == "" {
		return
	}
	body, _, problem := fetch(c, r.Settings.WellKnownURL)
	if c.fetched.problem = problem; problem != "" {
		return
	}
	m := &c.fetched.metadata
	if err := json.Unmarshal(body, m); err != nil || m.Issuer == "" || !isURL(m.JWKSURI) {
		c.fetched.problem = "The metadata must be JSON with issuer and jwks_uri"
	}
}

// jwksCache keeps JWKS by URL for the max-age of their Cache-Control, without one for cacheAge. Okta does not
// document how long it keeps keys, or whether it fetches them again for an unknown kid. The emulator does the
// latter never: a transmitter that signs with a key too early then fails here.
type jwksCache struct {
	mu   sync.Mutex
	sets map[string]cachedJWKS
}

type cachedJWKS struct {
	keys  map[string]crypto.PublicKey
	until time.Time
}

// cacheAge is how long a JWKS without max-age is kept.
const cacheAge = 5 * time.Minute

// fetchKeys fetches the keys of the issuer of a token.
func (e *Emulator) fetchKeys(c *oktaCall) {
	e.mu.Lock()
	p := e.providerOf(issuerOf(c.body))
	var address string
	if p != nil {
		c.fetched.keys, address = p.keys, p.settings.JWKSURL
	}
	e.mu.Unlock()
	if address == "" {
		return
	}
	e.jwks.mu.Lock()
	defer e.jwks.mu.Unlock()
	if cached := e.jwks.sets[address]; c.at.Before(cached.until) {
		c.fetched.keys = cached.keys
		return
	}
	body, age, problem := fetch(c, address)
	if problem == "" {
		if keys, err := parseJWKS(body); err == nil {
			c.fetched.keys = keys
			e.jwks.sets[address] = cachedJWKS{keys, c.at.Add(age)}
		}
	}
}

var maxAge = regexp.MustCompile(`(?:^|[ ,])max-age=([0-9]{1,8})(?:[ ,]|$)`)

// fetcher does not follow redirects, and does not wait long.
var fetcher = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// fetch returns a JSON document and how long it may be kept, or the problem in words. Okta requires the content
// type application/json. The emulator fetches from loopback addresses only.
// https://developer.okta.com/docs/guides/configure-ssf-receiver/main/
func fetch(c *oktaCall, address string) (body []byte, age time.Duration, problem string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, 0, "The URL is not valid"
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
		return nil, 0, "The URL cannot be reached: the emulator fetches from loopback addresses only"
	}
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, "The URL is not valid"
	}
	r.Header.Set("Accept", "application/json")
	res, err := fetcher.Do(r)
	if err != nil {
		return nil, 0, "The URL cannot be reached"
	}
	defer res.Body.Close()
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, 0, "The URL returned the status " + strconv.Itoa(res.StatusCode)
	case err != nil || media != "application/json":
		return nil, 0, "The content type of the URL must be application/json"
	}
	if body, err = io.ReadAll(io.LimitReader(res.Body, maxBody)); err != nil {
		return nil, 0, "The response of the URL is not complete"
	}
	age = cacheAge
	if m := maxAge.FindStringSubmatch(res.Header.Get("Cache-Control")); m != nil {
		seconds, _ := strconv.Atoi(m[1])
		age = time.Duration(seconds) * time.Second
	}
	return body, cmp.Or(age, time.Nanosecond), ""
}

// beforehand runs a function that may wait, before the state is locked.
func beforehand(prepare func(*oktaCall), h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prepare(&w.(*oktaExchange).call)
		h.ServeHTTP(w, r)
	})
}
