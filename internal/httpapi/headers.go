package httpapi

import "net/http"

// setSecurityHeaders sets the headers that forbid browsers and caches any use of a reply. No other
// origin is allowed (CORS).
func setSecurityHeaders(h http.Header) {
	for name, value := range map[string]string{
		"Cache-Control":             "no-store",
		"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":           "no-referrer",
		"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		"X-Content-Type-Options":    "nosniff",
		"X-Frame-Options":           "DENY",
	} {
		h.Set(name, value)
	}
}
