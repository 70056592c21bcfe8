package httpapi

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// call carries out the action that an HTTP call names in its path or its body. An action in the
// path is checked before the body is read.
func (h handler) call(x *exchange) {
	if x.path != "" {
		if _, err := h.find(x.path); err != nil {
			x.fail(err)
			return
		}
	}
	methods := []string{http.MethodPost}
	if x.action != nil && x.action.Slug == "ping" {
		methods = []string{http.MethodGet, http.MethodPost}
	}
	if !x.allow(methods...) {
		return
	}
	place, err := x.enter()
	if err != nil {
		x.fail(err)
		return
	}
	defer place.release()
	if x.r.Method == http.MethodPost {
		if x.body, err = x.readCall(place); err != nil {
			x.fail(x.body.discard(h.all, err, ""))
			return
		}
		x.body.hide(h.all)
	}
	h.execute(x, "path")
}

// enter admits an invocation whose action, if it is known already, the caller may call.
func (x *exchange) enter() (*admission, error) {
	if err := x.mayCall(); err != nil {
		return nil, err
	}
	var err error
	x.place, err = x.setup.InFlight.acquire(x.callerKey())
	return x.place, err
}

// mayCall checks that the caller may call the action, once it is known.
func (x *exchange) mayCall() error {
	if x.action == nil {
		return nil
	}
	return x.caller.May(x.action.Slug)
}

// callerKey tells callers apart.
func (x *exchange) callerKey() string { return x.caller.Mode + ":" + x.caller.Name }

// readCall reads the request of an HTTP call.
func (x *exchange) readCall(place *admission) (request, error) {
	if err := checkCall(x.r); err != nil {
		return request{}, err
	}
	body, err := x.readBody(x.r.Body, place, maxBody)
	if err != nil {
		return request{}, err
	}
	return decode(x.r, body, func(body []byte) bool {
		secret := x.action != nil && slices.ContainsFunc(x.action.Params, func(p action.Param) bool { return p.Secret })
		return !secret && !action.MayHoldSecret(x.all, string(body))
	})
}

// readBody reads the body, but not much more than limit bytes of it: the result is longer than
// limit then. Room for it is taken from the gate as it arrives. The end of the process cuts it.
func (x *exchange) readBody(from io.Reader, place *admission, limit int) ([]byte, error) {
	x.arrival.within(cmp.Or(x.setup.BodyTime, bodyTime))
	defer x.cutAtEnd()()
	const least, first = 512, 64 << 10
	whole := int(min(max(x.r.ContentLength, 0), int64(limit))) + 1 // one more byte shows the end
	body := []byte{}
	for {
		if len(body) == cap(body) {
			size := min(max(2*cap(body), least, min(whole, first)), limit+1)
			if whole > cap(body) {
				size = min(size, whole)
			}
			if err := place.reserve(size); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, x.errUnread(err)
		case len(body) > limit:
			return body, nil
		}
	}
}

// cutAtEnd cuts the body when the process ends, until stop is called.
func (x *exchange) cutAtEnd() (stop func() bool) {
	return context.AfterFunc(x.setup.InFlight.closing, x.arrival.cut)
}

// errUnread returns the error of a body that could not be read.
func (x *exchange) errUnread(err error) error {
	if x.setup.InFlight.closing.Err() != nil {
		return errClosing
	}
	return apierr.New(apierr.BadRequest, "invalid_request", "the body could not be read", err)
}
