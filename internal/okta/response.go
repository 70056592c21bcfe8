package okta

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/secrets"
)

// response is Okta's response to one request, with the body read to the end.
type response struct {
	status   int
	header   http.Header
	body     []byte
	route    route           // of the request
	path     string          // of the request
	hasProof bool            // the request carried a DPoP proof
	received time.Time       // by the client's clock
	hidden   []secrets.Value // the secrets of the request, which no text from the response may show
	giveBack func()          // releases the memory of the body
}

// release gives back the memory of the body. It must be called once the body is decoded.
func (r *response) release() {
	if r != nil && r.giveBack != nil {
		r.giveBack()
	}
}

// decode reads the one object of a response into v. An Unmarshaler is called directly: unreadable
// has checked that the body is JSON, which json.Unmarshal would do again before the call.
func (r *response) decode(v any) error {
	defer r.release()
	decode := func(body []byte) error { return json.Unmarshal(body, v) }
	if u, ok := v.(json.Unmarshaler); ok {
		decode = u.UnmarshalJSON
	}
	if err := decode(bytes.TrimSpace(r.body)); err != nil {
		return r.invalid(err)
	}
	return nil
}

// The reasons for which a 2xx response is not a success.
var (
	errNotJSON    = errors.New("not JSON")
	errErrorIn2xx = errors.New("an Okta error with a success status")
	errNoObject   = errors.New("not a JSON object")
)

// unreadable returns an error for a 2xx response that Okta does not send as a success: a body that
// is not JSON, such as a proxy's login page, an Okta error, and for a write a body that is not an
// object or not the object that it returns. An empty body and null are accepted unless the write
// returns an object.
func (k call) unreadable(r *response) *apierr.Error {
	if k.statuses != nil && !slices.Contains(k.statuses, r.status) {
		return apierr.Errorf(apierr.InvalidResponse, "bad_reply",
			"Okta returned status %d, which neither accepts nor rejects the request", r.status)
	}
	body := bytes.TrimSpace(r.body)
	empty, isObject := len(body) == 0 || string(body) == "null", bytes.HasPrefix(body, []byte("{"))
	err := checkJSON(body, isObject)
	switch {
	case err != nil:
	case k.route.reads():
	case !empty && !isObject:
		err = errNoObject
	case k.object != nil:
		err = k.object(body)
	}
	if err != nil {
		return r.invalid(err)
	}
	return nil
}

// checkJSON returns an error for a body that is neither empty nor JSON, and for an object that is
// an Okta error, or one of the security events endpoint.
func checkJSON(body []byte, isObject bool) error {
	if !isObject {
		if len(body) > 0 && !json.Valid(body) {
			return errNotJSON
		}
		return nil
	}
	var b struct {
		Code json.RawMessage `json:"errorCode"`
		Err  json.RawMessage `json:"err"`
	}
	if json.Unmarshal(body, &b) != nil {
		return errNotJSON
	}
	if len(b.Code)+len(b.Err) > 0 {
		return errErrorIn2xx
	}
	return nil
}

// notOkta begins the message of an error for a response that Okta does not send, such as a proxy's.
const notOkta = "the response is not a valid Okta response"

// invalidResponse returns the error of a 2xx response whose content is not as documented.
func invalidResponse(err error) *apierr.Error {
	return apierr.New(apierr.InvalidResponse, "bad_reply", notOkta+": "+reason(err), err)
}

// invalid returns the error of a 2xx response whose content is not as documented.
func (r *response) invalid(err error) *apierr.Error {
	e := invalidResponse(err)
	e.RequestID = r.requestID()
	return e
}

// reason describes what is wrong with a response without quoting it.
func reason(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "not JSON"
	case errors.As(err, &typ):
		if typ.Field == "" {
			return "a JSON " + typ.Value + " of the wrong type"
		}
		return "unexpected type of " + typ.Field
	default:
		return err.Error()
	}
}
