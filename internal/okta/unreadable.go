package okta

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"example.com/okta-secops/internal/apierr"
)

// The reasons for which a 2xx response is not a success.
var (
	errNotJSON    = errors.New("not JSON")
	errErrorIn2xx = errors.New("an error under a success status")
	errNoObject   = errors.New("not a JSON object")
)

// unreadable returns an error for a 2xx response that Okta does not send as a success: a body that is not JSON, such as
// a proxy's login page, an error of Okta, and to a write a body that is not an object or not the object that it returns.
// An empty body and null are accepted unless the write returns an object.
func (k call) unreadable(r *response) *apierr.Error {
	if k.statuses != nil && !slices.Contains(k.statuses, r.status) {
		return apierr.Errorf(apierr.InvalidResponse, "bad_reply", "Okta answered %d, which says neither accepted nor refused", r.status)
	}
	body := bytes.TrimSpace(r.body)
	empty, isObject := len(body) == 0 || string(body) == "null", bytes.HasPrefix(body, []byte("{"))
	var err error
	switch {
	case len(body) > 0 && !json.Valid(body):
		err = errNotJSON
	case isObject && hasError(body):
		err = errErrorIn2xx
	case k.reads():
	case !empty && !isObject:
		err = errNoObject
	case k.object != nil:
		err = k.object(body)
	}
	if err != nil {
		return r.invalidResponse(err)
	}
	return nil
}

// hasError reports whether a JSON object is an error of Okta, or of its security events endpoint.
func hasError(object []byte) bool {
	var b struct {
		Code json.RawMessage `json:"errorCode"`
		Err  json.RawMessage `json:"err"`
	}
	return json.Unmarshal(object, &b) == nil && len(b.Code)+len(b.Err) > 0
}
