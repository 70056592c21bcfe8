package caller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"example.com/okta-secops/secrets"
)

// shortestKey is in characters.
const shortestKey = 24

// Keys are the keys that callers may have. The zero Keys are none.
type Keys struct{ list []key }

type key struct {
	id      string
	digest  [sha256.Size]byte
	actions []string // slugs; nil: all
}

// Equal tells whether both are the same keys for the same actions.
func (k Keys) Equal(other Keys) bool {
	if len(k.list) != len(other.list) {
		return false
	}
	for i, a := range k.list {
		b := other.list[i]
		if a.id != b.id || a.digest != b.digest || (a.actions == nil) != (b.actions == nil) || strings.Join(a.actions, ",") != strings.Join(b.actions, ",") {
			return false
		}
	}
	return true
}

var (
	keyID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
	keyText = regexp.MustCompile(`^[!-~]+$`)
)

// ParseKeys reads the keys of a secret, a JSON array such as
//
//	[{"id": "secops", "key": "at least 24 characters", "actions": ["Disable User", "ping"]}]
//
// where "*" stands for all actions. resolve returns the slug of an action by its name; nil takes any name. The error is a
// sentence for the operator, and holds no key.
func ParseKeys(v secrets.Value, resolve func(name string) (slug string, ok bool)) (Keys, error) {
	var entries []struct {
		ID      string   `json:"id"`
		Key     string   `json:"key"`
		Actions []string `json:"actions"`
	}
	d := json.NewDecoder(strings.NewReader(v.Reveal()))
	d.DisallowUnknownFields()
	if err := d.Decode(&entries); err != nil {
		return Keys{}, errors.New(`this is not a JSON array of keys: [{"id": "secops", "key": "...", "actions": ["*"]}]`)
	}
	if _, err := d.Token(); err != io.EOF {
		return Keys{}, errors.New("there is something after the JSON array of keys")
	}
	if n, name := doubleMember(v.Reveal()); n > 0 {
		return Keys{}, fmt.Errorf("key %d: the member %s is there twice, perhaps in another case", n, name)
	}
	if len(entries) == 0 {
		return Keys{}, errors.New("the list of keys is empty: nobody could call")
	}
	var keys Keys
	ids, digests := map[string]bool{}, map[[sha256.Size]byte]string{}
	for n, e := range entries {
		k := key{id: e.ID, digest: sha256.Sum256([]byte(e.Key))}
		twin, again := digests[k.digest]
		switch {
		case !keyID.MatchString(e.ID):
			return Keys{}, fmt.Errorf("key %d: the id must be 1 to 64 letters, digits, dots, _, @ or -", n+1)
		case ids[e.ID]:
			return Keys{}, fmt.Errorf("the id %s is there twice", e.ID)
		case len(e.Key) < shortestKey:
			return Keys{}, fmt.Errorf("the key %s has under %d characters; make one with: openssl rand -base64 32", e.ID, shortestKey)
		case !keyText.MatchString(e.Key):
			return Keys{}, fmt.Errorf("the key %s has characters that a header cannot carry; use printable ASCII without blanks", e.ID)
		case again:
			return Keys{}, fmt.Errorf("%s and %s are the same key", twin, e.ID)
		case len(e.Actions) == 0:
			return Keys{}, fmt.Errorf(`the key %s has no actions; name them, or give it all with "*"`, e.ID)
		}
		var err error
		if k.actions, err = slugs(e.Actions, resolve); err != nil {
			return Keys{}, fmt.Errorf("the key %s %w", e.ID, err)
		}
		ids[e.ID], digests[k.digest] = true, e.ID
		keys.list = append(keys.list, k)
	}
	return keys, nil
}

// slugs returns the slugs of the named actions; nil for all.
func slugs(names []string, resolve func(name string) (slug string, ok bool)) ([]string, error) {
	var found []string
	all := false
	for n, name := range names {
		known := slug(name)
		switch {
		case known == "*":
			all = true
			continue
		case known == "":
			return nil, errors.New("has an action without a name")
		case resolve != nil:
			var ok bool
			if known, ok = resolve(name); !ok { // which is not quoted: it may be a key in the wrong place
				return nil, fmt.Errorf("has an action that does not exist, the %s of its list", ordinal(n+1))
			}
		}
		found = append(found, known)
	}
	if all {
		return nil, nil
	}
	return found, nil
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// doubleMember returns the number of the first entry that has a member twice, in the same case or another, and the
// member's name in lower case; 0 if none has. encoding/json takes the last one without a word. text is a JSON array of
// objects with known members.
func doubleMember(text string) (entry int, name string) {
	d := json.NewDecoder(strings.NewReader(text))
	depth, isName := 0, false
	var seen map[string]bool
	for {
		token, err := d.Token()
		if err != nil {
			return 0, ""
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth == 2 {
				entry, seen, isName = entry+1, map[string]bool{}, true
			}
			continue
		case json.Delim('}'), json.Delim(']'):
			if depth--; depth == 2 {
				isName = true // after the value of actions
			}
			continue
		}
		if depth != 2 {
			continue
		}
		if member, ok := token.(string); ok && isName {
			if member = strings.ToLower(strings.ToUpper(member)); seen[member] { // as encoding/json folds names
				return entry, member
			}
			seen[member] = true
		}
		isName = !isName
	}
}

// slug is an action's name as its path has it.
func slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == ' ' || r == '-' || r == '_' }), "-")
}

// find compares with every key, so that how long it takes tells nothing.
func (k Keys) find(presented string) (Identity, bool) {
	digest := sha256.Sum256([]byte(presented))
	found := -1
	for i, key := range k.list {
		if subtle.ConstantTimeCompare(digest[:], key.digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Identity{}, false
	}
	return Identity{Mode: APIKey, Name: k.list[found].id, actions: k.list[found].actions}, true
}

// Ring gives the keys there are now. They may be replaced at any time. The errors are faults.
type Ring interface {
	Get(ctx context.Context) (Keys, error)
	// Refresh gives what has come in the place of keys of which none was the caller's.
	Refresh(ctx context.Context, unknown Keys) (Keys, error)
}

// ByKey serves whoever sends one of the keys in a header, and only for its actions.
func ByKey(header string, ring Ring) Authenticator { return byKey{header, ring} }

type byKey struct {
	header string
	ring   Ring
}

// Authenticate implements Authenticator. A key that was added a moment ago is not refused.
func (a byKey) Authenticate(r *http.Request) (Identity, error) {
	keys, err := a.ring.Get(r.Context())
	if err != nil {
		return Identity{}, err
	}
	presented, ok := only(r.Header, a.header)
	if !ok || len(presented) < shortestKey {
		return Identity{}, unauthenticated(fmt.Errorf("the header %s is not there once with a key", a.header))
	}
	if who, ok := keys.find(presented); ok {
		return who, nil
	}
	if newer, err := a.ring.Refresh(r.Context(), keys); err == nil {
		if who, ok := newer.find(presented); ok {
			return who, nil
		}
	}
	return Identity{}, unauthenticated(errors.New("no such key"))
}
