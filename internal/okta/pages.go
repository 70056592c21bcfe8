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

// MaxListBytes is where a list stops growing.
const MaxListBytes = 10 << 20

// maxIdlePages is the most pages in a row without a new object that are read.
const maxIdlePages = 50

// List is the objects of a list as Okta sent them. Cut tells that there is more than MaxListBytes let in.
type List struct {
	Items []json.RawMessage
	Cut   bool
}

// decodeItems reads the items of a list that is of use only as a whole.
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

// list collects the pages of a list, each object once: op is the route, first makes the first request, the
// others follow Okta's next links. limit 0 means all there is.
func (c *Client) list(ctx context.Context, op string, limit int, first func(ctx context.Context) error) (List, error) {
	return c.listOf(ctx, op, "", limit, first)
}

// listOf is list for pages that are objects: member is the name of the array in them, "" if the
// page is an array.
func (c *Client) listOf(
	ctx context.Context, op, member string, limit int, first func(ctx context.Context) error,
) (List, error) {
	all := collection{client: c, limit: limit, seen: map[string]bool{}}
	visited, idle := map[string]bool{}, 0
	if limit == 0 { // a list that is of use only as a whole, of which what the result needs is kept by others
		defer func() { c.Drop(all.size) }()
	}
	send := first
	for {
		r, err := c.do(ctx, call{op: op, send: send})
		if err != nil {
			return all.List, err
		}
		page, following, err := r.page(member)
		if err != nil {
			return all.List, r.invalidResponse(err)
		}
		before := len(all.Items)
		if full, err := all.add(r, page); full || err != nil {
			return all.List, err
		}
		next, err := c.next(r, following)
		if err != nil {
			return all.List, r.invalidResponse(err)
		}
		if next == "" {
			return all.List, nil
		}
		if idle++; len(all.Items) > before {
			idle = 0
		}
		if idle == maxIdlePages {
			return all.List, r.invalidResponse(fmt.Errorf("%d pages in a row have no new object, and there is another", idle))
		}
		if visited[next] {
			return all.List, r.invalidResponse(errors.New("its next links lead in a circle"))
		}
		visited[next] = true
		send = func(ctx context.Context) error { return c.get(ctx, next) }
	}
}

// collection is a list that grows by pages.
type collection struct {
	List
	client *Client
	limit  int             // of items; 0: none
	seen   map[string]bool // ids: a page shifts when an object is added while we read
	size   int             // of the items, in bytes
}

// add adds the items of a page that are new. It reports whether the list is full.
func (l *collection) add(r *response, page []json.RawMessage) (full bool, err error) {
	for _, item := range page {
		var object struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(item, &object); err != nil {
			return false, r.invalidResponse(err)
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

// page returns the items of a page and, of a page that is an object, the address of the next page
// that its body gives.
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
		return nil, "", errors.New("it has no " + member)
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

// linkValue is one link of a Link header (RFC 8288): its target, which may hold commas, and its parameters.
var (
	linkValue = regexp.MustCompile(`<([^>]*)>((?:[^",]|"[^"]*")*)`)
	relNext   = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?next"?\s*(;|$)`)
)

// next is the reply's next link, from its header or else as found in its body, "" on the last page.
// A link to another host is refused: following it would hand the credentials over. So is one to another path, which
// holds another list.
func (c *Client) next(r *response, inBody string) (string, error) {
	target := inBody
	// Okta sends one Link header per relation; a proxy may have folded them into one.
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
		return "", errors.New("its next link leads to another host")
	}
	if u.Path != r.path {
		return "", errors.New("its next link leads to another path")
	}
	return u.String(), nil
}

// get sends a GET to an address that Okta gave.
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
