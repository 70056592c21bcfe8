package caller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/okta-secops/secrets"
)

// shortestKey is the minimum length of a key, in characters.
const shortestKey = 24

// Keys are the keys of callers. The zero Keys has none.
type Keys struct{ list []key }

type key struct {
	id      string
	digest  [sha256.Size]byte
	actions []string // slugs; nil: all
	plain   bool     // the secret holds the key itself, not its digest
}

// Equal reports whether both have the same keys for the same actions.
func (k Keys) Equal(other Keys) bool {
	return slices.EqualFunc(k.list, other.list, func(a, b key) bool {
		return a.id == b.id && a.digest == b.digest && (a.actions == nil) == (b.actions == nil) && slices.Equal(a.actions,
			b.actions)
	})
}

// Plain returns the ids of the keys that the secret holds in plain text.
func (k Keys) Plain() []string {
	var ids []string
	for _, key := range k.list {
		if key.plain {
			ids = append(ids, key.id)
		}
	}
	return ids
}

var (
	keyID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
	keyText = regexp.MustCompile(`^[!-~]+$`)
)

// keyEntry is a member of the JSON array.
type keyEntry struct {
	ID      string   `json:"id"`
	Key     *string  `json:"key"`
	SHA256  *string  `json:"sha256"`
	Actions []string `json:"actions"`
}

// ParseKeys parses the keys of a secret: a JSON array such as
//
//	[{"id": "secops", "sha256": "64 hexadecimal digits", "actions": ["Disable User", "ping"]}]
//
// The digest is that of a key of at least 24 characters. An entry may have "key", the key itself,
// instead of "sha256". The action "*" stands for all actions. resolve returns the slug of an action
// by its name; nil accepts any name. The error is a sentence for the operator and does not contain
// any key.
func ParseKeys(v secrets.Value, resolve func(name string) (slug string, ok bool)) (Keys, error) {
	var entries []keyEntry
	d := json.NewDecoder(strings.NewReader(v.Reveal()))
	d.DisallowUnknownFields()
	if err := d.Decode(&entries); err != nil {
		return Keys{}, errors.New(`this is not a JSON array of keys: [{"id": "secops", "sha256": "...", "actions": ["*"]}]`)
	}
	if _, err := d.Token(); err != io.EOF {
		return Keys{}, errors.New("there is unexpected data after the JSON array of keys")
	}
	if n, name := repeatedMember(v.Reveal()); n > 0 {
		return Keys{}, fmt.Errorf("key %d: the member %s occurs twice, perhaps in another case", n, name)
	}
	if len(entries) == 0 {
		return Keys{}, errors.New("the list of keys is empty: every caller would be refused")
	}
	var keys Keys
	ids, digests := map[string]bool{}, map[[sha256.Size]byte]string{}
	for n, e := range entries {
		switch {
		case !keyID.MatchString(e.ID):
			return Keys{}, fmt.Errorf("key %d: the id must be 1 to 64 letters, digits, dots, _, @ or -", n+1)
		case ids[e.ID]:
			return Keys{}, fmt.Errorf("the id %s occurs twice", e.ID)
		}
		k, err := e.parse(resolve)
		if err != nil {
			return Keys{}, fmt.Errorf("the key %s %w", e.ID, err)
		}
		if same, ok := digests[k.digest]; ok {
			return Keys{}, fmt.Errorf("%s and %s are the same key", same, e.ID)
		}
		ids[e.ID], digests[k.digest] = true, e.ID
		keys.list = append(keys.list, k)
	}
	return keys, nil
}

// parse parses an entry with a valid id. The error is the rest of a sentence that begins with the
// key.
func (e keyEntry) parse(resolve func(name string) (slug string, ok bool)) (key, error) {
	k := key{id: e.ID, plain: e.Key != nil}
	switch {
	case (e.Key == nil) == (e.SHA256 == nil):
		return key{}, errors.New(`must have either "sha256" or "key"`)
	case k.plain && len(*e.Key) < shortestKey:
		return key{}, fmt.Errorf("has fewer than %d characters; make one with: openssl rand -base64 32", shortestKey)
	case k.plain && !keyText.MatchString(*e.Key):
		return key{}, errors.New("has characters that a header cannot carry; use printable ASCII without spaces")
	case k.plain:
		k.digest = sha256.Sum256([]byte(*e.Key))
	default:
		digest, err := hex.DecodeString(*e.SHA256)
		if err != nil || len(digest) != sha256.Size { // the value is not quoted: it may be a key
			return key{}, errors.New(`has a "sha256" that is not 64 hexadecimal digits; make it with: ` +
				`printf %s "$KEY" | openssl dgst -sha256 -r | cut -c1-64`)
		}
		k.digest = [sha256.Size]byte(digest)
	}
	if len(e.Actions) == 0 {
		return key{}, errors.New(`has no actions; name them, or allow all with "*"`)
	}
	var err error
	k.actions, err = slugs(e.Actions, resolve)
	return k, err
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
			if known, ok = resolve(name); !ok { // the name is not quoted: it may be a key in the wrong place
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

// repeatedMember returns the number of the first entry that has a member twice, in the same case or
// another, and the member's name in lower case; 0 if there is none. encoding/json takes the last
// one without an error. text is a JSON array of objects with known members.
func repeatedMember(text string) (entry int, name string) {
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

// slug returns the slug of an action by its name.
func slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r == ' ' || r == '-' ||
			r == '_'
	}), "-")
}

// find returns the caller that a key identifies. The comparison takes the same time whether and
// wherever the key is found.
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

// KeySource returns the current keys, which may be replaced at any time. The errors are of the type
// apierr.Error.
type KeySource interface {
	Get(ctx context.Context) (Keys, error)
	// Refresh returns the keys that have replaced those among which the caller's was not found.
	Refresh(ctx context.Context, unknown Keys) (Keys, error)
}

// ByKey returns an Authenticator that accepts requests with one of the keys in a header. An
// identity may call the actions of its key only.
func ByKey(header string, source KeySource) Authenticator { return byKey{header, source} }

type byKey struct {
	header string
	source KeySource
}

// Authenticate implements Authenticator. An unknown key is looked for again in the newest version
// of the secret.
func (a byKey) Authenticate(r *http.Request) (Identity, error) {
	keys, err := a.source.Get(r.Context())
	if err != nil {
		return Identity{}, err
	}
	presented, ok := only(r.Header, a.header)
	if !ok || len(presented) < shortestKey {
		return Identity{}, unauthenticated(fmt.Errorf("the request does not have exactly one header %s with a key", a.header))
	}
	if identity, ok := keys.find(presented); ok {
		return identity, nil
	}
	if newer, err := a.source.Refresh(r.Context(), keys); err == nil {
		if identity, ok := newer.find(presented); ok {
			return identity, nil
		}
	}
	return Identity{}, unauthenticated(errors.New("the key is unknown"))
}
