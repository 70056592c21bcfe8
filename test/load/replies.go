package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"example.com/okta-secops/test/functions"
)

// largeReplies is calls at once of which Okta's replies are large.
type largeReplies struct {
	calls  int
	action string // the slug
	users  int    // that each call names, or lists
	size   int    // of each user, in bytes
}

var allLargeReplies = []largeReplies{
	{1, "get-user", 30, 20 << 20},
	{1, "get-user", 30, 8 << 20},
	{1, "disable-user", 30, 8 << 20},
	{30, "get-user", 30, 1 << 20},
	{250, "get-user", 1, 20 << 10},
	{30, "list-users", 200, 40 << 10},
	{250, "list-users", 200, 2 << 10},
}

// replies prints, for each case, the results of the calls and the memory of the function.
func replies(w io.Writer, cases []largeReplies) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "calls\taction\tusers each\tsize of a user (KiB)\tstatuses\tpeak memory (MiB)\t")
	for _, c := range cases {
		statuses, memory, err := c.measure()
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%s\t%d\t%d\t%s\t%d\t\n", c.calls, c.action, c.users, c.size>>10, statuses, memory)
	}
	return table.Flush()
}

// ServeHTTP is an Okta whose users are all as large as this.
func (c largeReplies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/users")
	switch {
	case r.Method != http.MethodGet:
		_, _ = io.WriteString(w, "{}")
	case path == "":
		for i := range c.users {
			_, _ = io.WriteString(w, "[,"[min(i, 1):][:1])
			c.user(w, fmt.Sprint("u", i))
		}
		_, _ = io.WriteString(w, "]")
	default:
		c.user(w, strings.Trim(path, "/"))
	}
}

func (c largeReplies) user(w io.Writer, login string) {
	_, _ = fmt.Fprintf(w, `{"id":"id-%s","status":"ACTIVE","profile":{"login":%q,"description":"`, login, login)
	kilobyte := strings.Repeat("x", 1<<10)
	for range c.size >> 10 {
		_, _ = io.WriteString(w, kilobyte)
	}
	_, _ = io.WriteString(w, `"}}`)
}

func (c largeReplies) measure() (statuses string, memory int, err error) {
	org := httptest.NewServer(c)
	defer org.Close()
	f, err := start(org.URL, "token", 250)
	if err != nil {
		return "", 0, err
	}
	defer f.kill()
	names := make([]string, c.users)
	for i := range names {
		names[i] = fmt.Sprintf("u%d", i)
	}
	body := fmt.Sprintf(`{"parameters": {"User IDs": %q}}`, strings.Join(names, ","))
	if c.action == "list-users" {
		body = "{}"
	}
	var mu sync.Mutex
	var calls sync.WaitGroup
	count := map[int]int{}
	for range c.calls {
		calls.Go(func() {
			status := call(http.DefaultClient, f.address+"/"+c.action, body)
			mu.Lock()
			defer mu.Unlock()
			count[status]++
		})
	}
	calls.Wait()
	for _, status := range slices.Sorted(maps.Keys(count)) {
		statuses += fmt.Sprintf(" %d x %d", count[status], status)
	}
	return strings.TrimSpace(statuses), functions.PeakMemory(f.process.Process.Pid) >> 10, nil
}
