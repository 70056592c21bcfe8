package okta_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

func TestErrors_KindAndCodeFollowResponse(t *testing.T) {
	t.Parallel()
	const page = "<html><body>canary</body></html>"
	for name, c := range map[string]struct {
		status int
		body   string
		kind   apierr.Kind
		code   string
		text   string
	}{
		"not found":            {404, `{"errorCode":"E0000007","errorSummary":"Not found: zed","errorCauses":[]}`, apierr.NotFound, "E0000007", "Not found: zed"},
		"unknown path":         {404, `{"errorCode":"E0000008","errorSummary":"The requested path was not found"}`, apierr.Rejected, "E0000008", "path"},
		"invalid token":        {401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`, apierr.Credentials, "E0000011", "OKTA_API_TOKEN_SECRET"},
		"401 without a body":   {401, ``, apierr.Credentials, "okta_401", "OKTA_API_TOKEN_SECRET"},
		"no permission":        {403, `{"errorCode":"E0000006","errorSummary":"You do not have permission"}`, apierr.NoPermission, "E0000006", "admin role"},
		"not active":           {400, `{"errorCode":"E0000001","errorSummary":"Cannot suspend a user that is not active"}`, apierr.WrongState, "E0000001", "not active"},
		"not suspended":        {400, `{"errorCode":"E0000001","errorSummary":"Api validation failed","errorCauses":[{"errorSummary":"Cannot unsuspend a user that is not suspended"}]}`, apierr.WrongState, "E0000001", "not suspended"},
		"already active":       {403, `{"errorCode":"E0000016","errorSummary":"Activation failed"}`, apierr.WrongState, "E0000016", ""},
		"reset failed":         {403, `{"errorCode":"E0000017","errorSummary":"Password reset failed"}`, apierr.WrongState, "E0000017", ""},
		"status forbids":       {403, `{"errorCode":"E0000038","errorSummary":"Not allowed in the current status"}`, apierr.WrongState, "E0000038", ""},
		"weak password":        {403, `{"errorCode":"E0000080","errorSummary":"Too weak","errorCauses":[{"errorSummary":"a"},{"errorSummary":"b"}]}`, apierr.Rejected, "E0000080", "Too weak: a, b"},
		"validation":           {400, `{"errorCode":"E0000001","errorSummary":"Api validation failed: name"}`, apierr.Rejected, "E0000001", "name"},
		"still activating":     {409, `{"errorCode":"E0000112","errorSummary":"Still being activated"}`, apierr.Unavailable, "E0000112", ""},
		"role held":            {409, `{"errorCode":"E0000090","errorSummary":"Already assigned"}`, apierr.Rejected, okta.CodeRoleAssigned, ""},
		"read only":            {503, `{"errorCode":"E0000010","errorSummary":"Read only mode"}`, apierr.Unavailable, "E0000010", ""},
		"HTML 403":             {403, page, apierr.InvalidResponse, "bad_reply", "403 Forbidden"},
		"HTML 404":             {404, page, apierr.InvalidResponse, "bad_reply", "404 Not Found"},
		"HTML 502":             {502, page, apierr.Unavailable, "okta_502", "Okta returned status 502 in all 4 attempts; try again"},
		"HTML 200":             {200, page, apierr.InvalidResponse, "bad_reply", "not JSON"},
		"JSON without a code":  {400, `{"message":"canary"}`, apierr.InvalidResponse, "bad_reply", "400 Bad Request"},
		"a user without an id": {200, `{"status":"ACTIVE"}`, apierr.InvalidResponse, "bad_reply", "without an id"},
		"an array for a user":  {200, `[]`, apierr.InvalidResponse, "bad_reply", ""},
		"a wrong type":         {200, `{"id":7}`, apierr.InvalidResponse, "bad_reply", "id"},
		"no body for a user":   {200, ``, apierr.InvalidResponse, "bad_reply", "not JSON"},
		"a receiver's error":   {400, `{"err":"invalid_key","description":"unknown kid"}`, apierr.InvalidResponse, "bad_reply", "400 Bad Request"},
		"another error code":   {404, `{"errorCode":"NOT_FOUND","errorSummary":"canary"}`, apierr.InvalidResponse, "bad_reply", "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Okta-Request-Id", "req-1")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := client.GetUser(t.Context(), "00u1")
			f := wantError(t, err, c.kind, c.code, c.text)
			if f.RequestID != "req-1" {
				t.Errorf("the request id is missing: %+v", f)
			}
			if retryable := c.kind == apierr.Unavailable; f.Retryable() != retryable {
				t.Errorf("retryable is %v", f.Retryable())
			}
		})
	}
}

func TestRateLimit_ErrorNamesWait(t *testing.T) {
	t.Parallel()
	const date = "Mon, 02 Mar 2026 10:00:00 GMT" // 1772445600
	for name, c := range map[string]struct {
		headers map[string]string
		want    time.Duration
	}{
		"by Okta's clock":       {map[string]string{"Date": date, "X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445637"}, 37 * time.Second},
		"a past reset":          {map[string]string{"Date": date, "X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "1772445500"}, time.Second},
		"the concurrency limit": {map[string]string{"Date": date, "X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1772445637"}, time.Second},
		"no headers":            {map[string]string{"Date": ""}, time.Second},
		"no date":               {map[string]string{"Date": "", "X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "1772445637"}, time.Second},
		"a reset that is text":  {map[string]string{"Date": date, "X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "soon"}, time.Second},
	} {
		for _, body := range []string{`{"errorCode":"E0000047","errorSummary":"Too many requests"}`, "slow down"} {
			client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.headers {
					w.Header().Set(k, v)
					if v == "" {
						w.Header()[k] = nil
					}
				}
				w.WriteHeader(429)
				_, _ = io.WriteString(w, body)
			})
			code := "E0000047"
			if body == "slow down" {
				code = "rate_limited"
			}
			_, err := client.GetUser(t.Context(), "00u1")
			if f := wantError(t, err, apierr.Unavailable, code, ""); f.RetryAfter != c.want {
				t.Errorf("%s: wait %s, want %s", name, f.RetryAfter, c.want)
			}
			err = methods["SetPassword"].call(t.Context(), client, "00u1")
			if body == "slow down" { // it may be a proxy's
				wantError(t, err, apierr.UnknownResult, "unknown_result", "may or may not")
			} else {
				wantError(t, err, apierr.Unavailable, code, "")
			}
		}
	}
}

func TestLostResponse_ServerErrorLeavesWriteUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		code    string
		unknown bool
	}{
		{500, "E0000009", true}, {502, "E0000009", true}, {504, "E0000009", true}, {503, "E0000009", true},
		{503, "E0000010", false}, // Okta's read-only mode
	} {
		client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Okta-Request-Id", "req-1")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, `{"errorCode":"`+c.code+`","errorSummary":"An error"}`)
		})
		for name, m := range methods {
			err := m.call(t.Context(), client, "00u1")
			if nonIdempotent[name] && c.unknown {
				if f := wantError(t, err, apierr.UnknownResult, "unknown_result", "may or may not"); f.RequestID != "req-1" || f.Retryable() {
					t.Errorf("%s: %+v", name, f)
				}
			} else {
				wantError(t, err, apierr.Unavailable, c.code, "")
			}
		}
	}
}

func TestErrors_LoginPageIsNotASuccess(t *testing.T) {
	t.Parallel()
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Sign in</html>") })
	for name, m := range methods {
		kind, code := apierr.InvalidResponse, "bad_reply"
		if nonIdempotent[name] {
			kind, code = apierr.UnknownResult, "unknown_result"
		}
		wantError(t, m.call(t.Context(), client, "00u1"), kind, code, "the response is not a valid Okta response")
	}
}

func TestUsers_ChangeWithoutLinkIsASuccess(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}"} {
		client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if link, err := client.ActivateUser(t.Context(), "00u1", false); err != nil || link != (okta.Activation{}) {
			t.Errorf("%v %v", link, err)
		}
		if link, err := client.ResetPassword(t.Context(), "00u1", false); err != nil || link != "" {
			t.Errorf("%q %v", link, err)
		}
	}
}

func TestSignals_AcceptedWith202Or200(t *testing.T) {
	t.Parallel()
	for status, ok := range map[int]bool{202: true, 200: true, 204: false, 201: false} {
		client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err := methods["PublishSecurityEvent"].call(t.Context(), client, ""); (err == nil) != ok {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestReach_RequiresOktaOrganization(t *testing.T) {
	t.Parallel()
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"name":"some other service"}`)
	})
	wantError(t, client.Reach(t.Context()), apierr.InvalidResponse, "bad_reply", "without an id")
}

func TestUsers_KeepRawObject(t *testing.T) {
	t.Parallel()
	const raw = `{"id":"00u1","status":"SOMETHING_NEW","created":"","profile":{"login":"a","employeeNumber":7,"department":null},"_links":{"suspend":[]},"n":1.50}`
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, raw) })
	u, err := client.GetUser(t.Context(), "00u1")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := u.MarshalJSON(); err != nil || string(b) != raw || u.Status != "SOMETHING_NEW" || u.Login != "a" {
		t.Errorf("%s %v", b, err)
	}
}

func TestRedact_RemovesQueriesOfLinks(t *testing.T) {
	t.Parallel()
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errorCode": "E0000001", "errorSummary": "see https://acme.okta.com/x?token=canary now"}`)
	})
	err := client.SuspendUser(t.Context(), "00u1")
	wantError(t, err, apierr.Rejected, "E0000001", "see https://acme.okta.com/x now")
}
