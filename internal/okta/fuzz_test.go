package okta

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/okta-secops/internal/apierr"
)

// FuzzErrorBody checks that every response but a success is an error of the right kind, with a
// short message without credentials.
func FuzzErrorBody(f *testing.F) {
	const keyLine = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj/gEAAoIBAQD+canary012345"
	for _, body := range []string{
		"", "{}", "null", "[]", "<html>", `{"errorCode":"E0000007","errorSummary":"Not found","errorCauses":[{"errorSummary":"cause"}]}`,
		`{"errorCode":"E0000011"}`, `{"errorCode":7}`, `{"errorCode":"E0000001","errorSummary":"Cannot activate a user that is not staged"}`,
		`{"err":"invalid_key","description":"SSWS 00canary-canary"}`, `{"errorCode":"x","errorSummary":"-----BEGIN PRIVATE KEY-----\n` + keyLine + `"}`,
		`{"errorCode":"x","errorSummary":"eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.x"}`, `{"errorCode":"` + strings.Repeat("x", 5000) + `"}`, `{"errorCode":"\ud800","errorSummary":"\u0000"}`,
	} {
		for _, status := range []int{400, 401, 403, 404, 409, 429, 500, 503, 302, 100} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status/100 == 2 {
			return
		}
		got := (&response{status: status, header: http.Header{}, body: []byte(body)}).apiError()
		if got == nil || got.Message == "" || got.Code == "" || len(got.Message) > 4<<10 || len(got.Code) > 64 || !utf8.ValidString(got.Message+got.Code) {
			t.Fatalf("%d %q: %+v", status, body, got)
		}
		for _, credential := range []string{keyLine, "SSWS 0", "eyJhbGciOiJub25lIn0.eyJ"} {
			if strings.Contains(got.Message, credential) {
				t.Errorf("%d %q: %s", status, body, got.Message)
			}
		}
		wantRetryable := status == http.StatusTooManyRequests || status >= 500 || got.Code == codeStillActivating
		if got.Retryable() != wantRetryable || status == http.StatusUnauthorized && !wantRetryable && got.Kind != apierr.Credentials {
			t.Errorf("%d %q: kind %d", status, body, got.Kind)
		}
	})
}
