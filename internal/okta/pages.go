package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// MaxListBytes bounds the objects of a list, in bytes.
const MaxListBytes = 10 << 20

// maxIdlePages bounds the consecutive pages without a new object.
const maxIdlePages = 50

// List holds the objects of a list as Okta sent them. Cut reports that the list ends at
// MaxListBytes.
type List struct {
	Items []json.RawMessage
	Cut   bool
}

// decodeItems decodes the items of a list that is useful only if it is complete. It returns an
// error of the kind Rejected if the list was cut.
func decodeItems[T any](list List) ([]T, error) {
	if list.Cut {
		return nil, apierr.Errorf(apierr.Rejected, "too_large", "Okta's list is over %d MB", MaxListBytes>>20)
	}
	out := make([]T, len(list.Items))
	for i, item := range list.Items {
		if err := json.Unmarshal(item, &out[i]); err != nil {
			return nil, invalidResponse(err)
		}
	}
	return out, nil
}

// listOfUser lists objects of a user, all pages. The error has the kind Rejected if the list is larger
// than MaxListBytes.
func listOfUser[T any](ctx context.Context, c *Client, idOrLogin string, first request) ([]T, error) {
	if err := checkUserID(idOrLogin); err != nil {
		return nil, err
	}
	list, err := c.list(ctx, first, 0)
	if err != nil {
		return nil, err
	}
	return decodeItems[T](list)
}

// differentObject returns the error of a response that holds another object than the one with the
// requested id. Its kind is NotFound: Okta did not return the requested object.
func differentObject(kind string) error {
	return apierr.Errorf(apierr.NotFound, "other_object", "Okta returned another %s than the requested one", kind)
}

// Quote returns a value as a string of a search expression.
func Quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// list collects the pages of a list whose pages are arrays, each object once: first requests the
// first page, and Okta's next links lead to the others. limit 0 means no limit.
func (c *Client) list(ctx context.Context, first request, limit int) (List, error) {
	return c.listMember(ctx, first, "", limit)
}

// listMember is list for pages that are objects: member is the name of the array in them, "" for
// pages that are arrays.
func (c *Client) listMember(ctx context.Context, first request, member string, limit int) (List, error) {
	all := collection{client: c, limit: limit, seen: map[string]bool{}}
	visited, idle := map[string]bool{}, 0
	if limit == 0 { // callers of a complete list decode it and count the part that the result retains themselves
		defer func() { c.Drop(all.size) }()
	}
	for page := first; ; {
		r, err := c.do(ctx, call{request: page})
		if err != nil {
			return all.List, err
		}
		items, following, err := r.page(member)
		if err != nil {
			return all.List, r.invalid(err)
		}
		before := len(all.Items)
		if full, err := all.add(r, items); full || err != nil {
			return all.List, err
		}
		next, err := c.next(r, following)
		if err != nil {
			return all.List, r.invalid(err)
		}
		if next == "" {
			return all.List, nil
		}
		if idle++; len(all.Items) > before {
			idle = 0
		}
		if idle == maxIdlePages {
			return all.List, r.invalid(fmt.Errorf("%d pages in a row have no new object, and there are more", idle))
		}
		if visited[next] {
			return all.List, r.invalid(errors.New("its next links form a loop"))
		}
		visited[next] = true
		page = request{first.route, func(ctx context.Context) error { return c.get(ctx, next) }}
	}
}

// collection is a list that grows by pages.
type collection struct {
	List
	client *Client
	limit  int             // of items; 0: none
	seen   map[string]bool // ids: pages shift if an object is added during the reading
	size   int             // of the items, in bytes
}

// add adds the new items of a page. It reports whether the list is full.
func (l *collection) add(r *response, page []json.RawMessage) (full bool, err error) {
	for _, item := range page {
		var object struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(item, &object); err != nil {
			return false, r.invalid(err)
		}
		if object.ID != "" && l.seen[object.ID] {
			continue
		}
		l.seen[object.ID] = true
		if l.size+len(item) > MaxListBytes {
			l.Cut = true
			return true, nil
		}
		if err := l.client.Keep(len(item)); err != nil {
			return false, err
		}
		l.size += len(item)
		l.Items = append(l.Items, item)
		if l.limit > 0 && len(l.Items) == l.limit {
			return true, nil
		}
	}
	return false, nil
}

// page returns the items of a page and, if the page is an object, the next link of its body.
func (r *response) page(member string) (items []json.RawMessage, next string, err error) {
	defer r.release()
	if member == "" {
		err = json.Unmarshal(r.body, &items)
		return items, "", err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &object); err != nil {
		return nil, "", err
	}
	array, ok := object[member]
	if !ok {
		return nil, "", errors.New("it has no member " + member)
	}
	var links struct {
		Next struct {
			Href string `json:"href"`
		} `json:"next"`
	}
	if raw, ok := object["_links"]; ok {
		if err := json.Unmarshal(raw, &links); err != nil {
			return nil, "", err
		}
	}
	err = json.Unmarshal(array, &items)
	return items, links.Next.Href, err
}

// linkValue matches one link of a Link header (RFC 8288): its target, which may contain commas, and
// its parameters.
var (
	linkValue = regexp.MustCompile(`<([^>]*)>((?:[^",]|"[^"]*")*)`)
	relNext   = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?next"?\s*(;|$)`)
)

// next returns the next link of a response, from its header or else from its body, "" on the last
// page. It refuses a link to another host, which would receive the credentials, and a link to
// another path, which is another list.
func (c *Client) next(r *response, inBody string) (string, error) {
	target := inBody
	// Okta sends one Link header per relation; a proxy may merge them into one.
	for _, link := range linkValue.FindAllStringSubmatch(strings.Join(r.header.Values("Link"), ","), -1) {
		if relNext.MatchString(link[2]) {
			target = link[1]
			break
		}
	}
	if target == "" {
		return "", nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", errors.New("its next link is not a URL")
	}
	u = c.root.ResolveReference(u)
	if u.Scheme != c.root.Scheme || !strings.EqualFold(u.Host, c.root.Host) || u.User != nil {
		return "", errors.New("its next link points to another host")
	}
	if u.Path != r.path {
		return "", errors.New("its next link points to another path")
	}
	return u.String(), nil
}

// get sends a GET to a next link.
func (c *Client) get(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	res, err := c.http.Do(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
