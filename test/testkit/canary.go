package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/local/emulator"
)

// canaries are the secrets of one World: those in requests, and those sent between the product and Okta.
type canaries struct {
	mu     sync.Mutex
	secret map[string]canary
}

type canary struct {
	kind     string
	inResult bool // json_result may hold it
}

// shortest is the length below which a secret may occur in a text by chance.
const shortest = 8

func (c *canaries) plant(kind, secret string, inResult bool) {
	if len(secret) < shortest {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secret == nil {
		c.secret = map[string]canary{}
	}
	c.secret[secret] = canary{kind, inResult}
	if escaped := fmt.Sprintf("%q", secret); escaped != `"`+secret+`"` {
		c.secret[strings.Trim(escaped, `"`)] = canary{kind, inResult}
	}
}

// plantKey plants the lines of a PEM, since its line breaks are written in many ways.
func (c *canaries) plantKey(pem string) {
	for line := range strings.FieldsSeq(strings.ReplaceAll(pem, `\n`, "\n")) {
		if len(line) > 30 && !strings.Contains(line, "-----") {
			c.plant("a private key", line, false)
		}
	}
}

// observe records the secrets of a call to Okta.
func (c *canaries) observe(o emulator.Observed) {
	if scheme, token, ok := strings.Cut(o.Request.Header.Get("Authorization"), " "); ok {
		c.plant("a credential ("+scheme+")", token, false)
	}
	body := string(o.Body)
	switch o.Request.Header.Get("Content-Type") {
	case "application/secevent+jwt":
		c.plant("a security event token", body, false)
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(body); err == nil {
			c.plant("a client assertion", form.Get("client_assertion"), false)
		}
	}
	if strings.Contains(body, `"password"`) {
		var sent struct {
			Credentials struct{ Password struct{ Value string } }
		}
		if json.Unmarshal(o.Body, &sent) == nil {
			c.plant("a password", sent.Credentials.Password.Value, true)
		}
	}
	for _, m := range oneTime.FindAllSubmatch(o.Reply[:min(len(o.Reply), 1<<12)], -1) {
		c.plant(string(m[1]), string(m[2]), string(m[1]) != "access_token")
	}
}

// oneTime are the secrets that Okta makes. They come in short replies.
var oneTime = regexp.MustCompile(`"(resetPasswordUrl|activationUrl|activationToken|access_token)":"([^"\\]+)"`)

// given plants the secret parameters of a request.
func (c *canaries) given(body string) {
	var request struct{ Parameters map[string]any }
	if json.Unmarshal([]byte(body), &request) != nil {
		return
	}
	for name, value := range request.Parameters {
		text, ok := value.(string)
		switch {
		case !ok || !secretParameters()[plainName(name)] || action.IsPlaceholder(text):
		case strings.Contains(text, "-----BEGIN "):
			c.plantKey(text)
		default:
			c.plant(name, text, plainName(name) == "newpassword")
		}
	}
}

// secretParameters are the names of the parameters that hold secrets.
var secretParameters = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, g := range handlers.Groups {
		for _, a := range g.Actions {
			for _, p := range a.Params {
				for _, name := range append([]string{p.Name}, p.Aliases...) {
					names[plainName(name)] = names[plainName(name)] || p.Secret
				}
			}
		}
	}
	return names
})

func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
}

// found returns the kinds of secrets in a text: with result also those that json_result may hold.
func (c *canaries) found(text string, result bool) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	kinds := map[string]bool{}
	for secret, is := range c.secret {
		if (result || !is.inResult) && strings.Contains(text, secret) {
			kinds[is.kind] = true
		}
	}
	if HasCredential(text) {
		kinds["text that looks like a credential"] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}

// credential matches text that only a credential has. A shorter pattern would match random ids.
var credential = regexp.MustCompile(`PRIVATE KEY-----\S|SSWS [\w-]{8}|eyJ[\w-]+\.eyJ`)

// HasCredential reports whether a text has the form of a credential in it.
func HasCredential(text string) bool {
	return (strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, "SSWS") || strings.Contains(text, "eyJ")) && credential.MatchString(text)
}

// inReply returns the kinds of secrets in a reply that may not be there.
func (c *canaries) inReply(r Reply) []string {
	if len(c.found(string(r.Body), true)) == 0 {
		return nil
	}
	kinds := c.found(string(r.Body), false)
	rest := maps.Clone(r.JSON)
	delete(rest, "json_result")
	text, err := json.Marshal(rest)
	if err != nil {
		return []string{err.Error()}
	}
	for _, kind := range c.found(string(text), true) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
