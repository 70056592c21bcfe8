package contract_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"example.com/okta-secops/secrets"
	"example.com/okta-secops/test/testkit"
)

const mebibyte = 1 << 20

// filled is prefix, as many items as fit into 1 MiB with commas between them, and suffix. item gets
// its number.
func filled(prefix string, item func(i int) string, suffix string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for i := 0; ; i++ {
		next := item(i)
		if b.Len()+len(next)+1+len(suffix) > mebibyte {
			return strings.TrimSuffix(b.String(), ",") + suffix
		}
		b.WriteString(next)
		b.WriteByte(',')
	}
}

func always(text string) func(int) string { return func(int) string { return text } }

// bombs are requests of 1 MiB that are made to be costly.
func bombs() map[string]string {
	wide := "[" + strings.TrimSuffix(strings.Repeat("0,", 4900), ",") + "]"
	named := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
	long := strings.Repeat("x", mebibyte-200)
	return map[string]string{
		"numbers as entities":         filled(`{"entities":[`, always("0"), `]}`),
		"empty entities":              filled(`{"entities":[`, always("{}"), `]}`),
		"entities":                    filled(`{"entities":[`, always(`{"identifier":"a","entity_type":"HASH"}`), `]}`),
		"entities with lists":         filled(`{"entities":[`, always(`{"x":`+wide+`}`), `]}`),
		"numbers as a parameter":      filled(`{"parameters":{"User IDs":[`, always("0"), `]}}`),
		"strings as a parameter":      filled(`{"parameters":{"User IDs":[`, always(`"a"`), `]}}`),
		"one string with commas":      filled(`{"parameters":{"User IDs":"`, always("a"), `"}}`),
		"one string with quotes":      filled(`{"parameters":{"User IDs":"`, always(`\"\"\"a\"`), `"}}`),
		"an array in a string":        filled(`{"parameters":{"User IDs":"[`, always(`\"a\"`), `]"}}`),
		"names in one entity":         filled(`{"entities":[{"entity_type":"USERUNIQNAME","identifier":"`, always("a"), `"}]}`),
		"lists of lists":              filled(`{"parameters":{"User IDs":[`, always(wide), `]}}`),
		"lists in many parameters":    filled(`{"parameters":{`, named(`"p%d":`+wide), `}}`),
		"unknown parameters":          filled(`{"parameters":{`, named(`"parameter %d":0`), `}}`),
		"unknown options":             filled(`{"options":{`, named(`"o%d":0`), `}}`),
		"unknown members":             filled(`{`, named(`"m%d":0`), `}`),
		"context":                     filled(`{"context":{`, named(`"c%d":0`), `}}`),
		"one key again and again":     filled(`{"parameters":{`, always(`"a":0`), `}}`),
		"keys twice, far down":        filled(`{"parameters":{"a":[`, always(`{"A":0,"B":0,"\u0041b":0}`), `]}}`),
		"objects":                     filled(`{"parameters":{"a":[`, always(`{"A":{}}`), `]}}`),
		"deep nesting":                `{"parameters":{"a":` + strings.Repeat("[", mebibyte/2-50) + strings.Repeat("]", mebibyte/2-50) + `}}`,
		"deep nesting of objects":     strings.Repeat(`{"a":`, mebibyte/5),
		"a long action":               `{"action":"` + long + `"}`,
		"a long parameter":            `{"parameters":{"` + long + `":1}}`,
		"a long value":                `{"parameters":{"User IDs":"` + long + `"}}`,
		"a long member":               `{"` + long + `":1}`,
		"a long option":               `{"options":{"` + long + `":1}}`,
		"a long context":              `{"context":{"x":"` + long + `"}}`,
		"a long identifier":           `{"entities":[{"entity_type":"USERUNIQNAME","identifier":"` + long + `"}]}`,
		"a long type of entity":       `{"entities":[{"identifier":"a","entity_type":"` + long + `"}]}`,
		"escapes":                     `{"parameters":{"User IDs":"` + strings.Repeat(`\u00e9`, mebibyte/6-20) + `"}}`,
		"not JSON at the very end":    filled(`{"entities":[`, always("0"), `]`),
		"not JSON, and a long string": `{"context":{"x":"` + long,
	}
}

// allocated is how many bytes are allocated while f runs.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// TestBounds_MemoryOfHostileRequests holds that a request of 1 MiB takes at most 16 MiB: of all
// that is allocated for it, so that it holds for the peak as well. It is not parallel: other tests
// allocate too.
func TestBounds_MemoryOfHostileRequests(t *testing.T) {
	w := testkit.New(t, testkit.Options{Env: map[string]string{"CALLER_AUTH": "none"}})
	send := func(name, path, body string, header http.Header) (status, bytes int) {
		t.Helper()
		bytes = allocated(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = header
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			status = res.StatusCode
		})
		return status, bytes
	}
	call := http.Header{"Content-Type": {"application/json"}}
	event := http.Header{"Content-Type": {"application/cloudevents+json"}}
	for name, body := range bombs() {
		data := body[:min(len(body), mebibyte*3/4-200)]
		push := `{"message": {"messageId": "m", "attributes": {"action": "disable-user"}, "data": "` + base64.StdEncoding.EncodeToString([]byte(data)) + `"}}`
		for _, c := range []struct {
			path, body string
			header     http.Header
		}{
			{"/users/disable-user", body, call}, {"/users", body, call}, {"/users/pubsub", push, call},
			{"/users/pubsub", `{"specversion": "1.0", "id": "e", "source": "s", "type": "google.cloud.pubsub.topic.v1.messagePublished", "data": ` + push + "}", event},
		} {
			status, bytes := send(name, c.path, c.body, c.header)
			if want := c.path == "/users/pubsub"; status/100 != 4 && !want || want && status != 200 {
				t.Errorf("%s to %s: %d", name, c.path, status)
			}
			if bytes > 16*mebibyte {
				t.Errorf("%s to %s: %d KiB are allocated", name, c.path, bytes>>10)
			}
		}
	}
	// A delivery of the largest size is read too: it is known by its id. It takes little more than its
	// own size.
	large := strings.Repeat("QUFB", 4*mebibyte-64)
	for name, body := range map[string]string{
		"data":       `{"message": {"messageId": "m", "data": "` + large + `"}}`,
		"attributes": `{"message": {"messageId": "m", "attributes": {` + strings.Repeat(`"a":"b",`, 2*mebibyte-20) + `"x":"y"}}}`,
	} {
		if status, bytes := send(name, "/users/pubsub", body, call); status != 200 || bytes > 48*mebibyte {
			t.Errorf("a delivery of 16 MiB of %s: %d, %d KiB are allocated", name, status, bytes>>10)
		}
	}
}

// TestBounds_ReplyListsAtMostTwentyProblems holds that the reply to any of the requests is short.
func TestBounds_ReplyListsAtMostTwentyProblems(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{})
	for name, body := range map[string]string{
		"entities": `{"entities": [` + strings.TrimSuffix(strings.Repeat("0,", 3000), ",") + `]}`,
		"members":  `{` + members(500) + `}`,
	} {
		r := w.Run("users/disable-user", body)
		problems, _ := r.Get("error", "problems").([]any)
		if r.HTTP != 400 || len(problems) != 21 || len(r.Body) > 10_000 || !strings.Contains(fmt.Sprint(problems[20]), "and ") {
			t.Errorf("%s: %d, %d problems, %d bytes", name, r.HTTP, len(problems), len(r.Body))
		}
	}
	if len(w.Asked()) > 0 {
		t.Errorf("Okta was asked: %v", w.Asked())
	}
}

// TestBounds_PermissionComesBeforeTheBody holds that the body of a call that the key does not allow
// is not waited for where the path names the action, and that one that the body names is refused
// too.
func TestBounds_PermissionComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, testkit.Options{Env: map[string]string{"CALLER_AUTH": "apikey", "CALLER_KEYS_SECRET": "callers"}})
	const key = "a-key-that-may-ping-canary-0123456789"
	w.Replace("callers", secrets.New(`[{"id": "probe", "key": "`+key+`", "actions": ["ping"]}]`))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body, end := io.Pipe() // never ends
	defer end.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/users/disable-user", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {key}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	reply, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != 403 || !bytes.Contains(reply, []byte("action_not_allowed")) {
		t.Errorf("%d %s", res.StatusCode, reply)
	}
	r2 := w.Do(http.MethodPost, "users", `{"action": "Disable User", "parameters": {"User IDs": "alice", "nonsense": 1}}`, http.Header{"X-Api-Key": {key}})
	if r2.HTTP != 403 || len(w.Asked()) > 0 {
		t.Errorf("%d %s", r2.HTTP, r2.Body)
	}
}
