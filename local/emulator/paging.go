package emulator

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ordered is an item of a list with a constant place among all items of its kind.
type ordered interface{ place() int }

// limit returns the query parameter limit.
func (c *oktaCall) limit(byDefault, most int) (int, *oktaError) {
	q := c.URL.Query()
	if !q.Has("limit") {
		return byDefault, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, invalid("limit", fmt.Sprintf("The limit must be a number from 1 to %d", most))
	}
	return n, nil
}

// paged returns the requested page of items and the Link headers: self, and next if there are more
// items. The cursor is the place of the last item, so that added and removed items do not shift the
// pages.
func paged[T ordered](c *oktaCall, items []T, limit, size int) ([]T, []string, *oktaError) {
	q := c.URL.Query()
	if q.Has("after") {
		after, ok := cursorPlace(q.Get("after"))
		if !ok {
			return nil, nil, invalid("after", "The cursor is invalid")
		}
		for len(items) > 0 && items[0].place() <= after {
			items = items[1:]
		}
	}
	links := []string{selfLink(c)}
	page := limit
	if size > 0 {
		page = min(limit, size)
	}
	if len(items) > page {
		items = items[:page]
		q.Set("limit", strconv.Itoa(limit))
		q.Set("after", cursor(items[page-1].place()))
		links = append(links, linkHeader(c.base+c.URL.EscapedPath()+"?"+q.Encode(), "next"))
	}
	return items, links, nil
}

// selfLink returns the Link header of the page itself.
func selfLink(c *oktaCall) string {
	u := url.URL{RawQuery: c.URL.RawQuery}
	return linkHeader(c.base+c.URL.EscapedPath()+u.String(), "self")
}

func linkHeader(href, rel string) string {
	return fmt.Sprintf("<%s>; rel=%q", href, rel)
}

func cursor(place int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("place:" + strconv.Itoa(place)))
}

func cursorPlace(s string) (int, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(raw), "place:")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}
