package httpapi

import (
	"cmp"
	"context"
	"io"

	"example.com/okta-secops/internal/apierr"
)

// enter admits the request among those whose bodies arrive. release ends it.
func (a *arrival) enter(s Setup, caller string) (err error) {
	a.bodyTime = cmp.Or(s.BodyTime, bodyTime)
	a.admission, err = s.InFlight.acquire(caller)
	return err
}

// start counts the request among those in flight, once its body has arrived.
func (a *arrival) start() error { return a.admission.start() }

// release ends the request, if it was admitted.
func (a *arrival) release() {
	if a.admission != nil {
		a.admission.release()
	}
}

// readBody reads the body up to its end. If it is longer than limit bytes, it returns more than
// that and leaves the rest. The memory is reserved as the body arrives. The end of the process cuts
// it.
func (a *arrival) readBody(from io.Reader, limit int) ([]byte, error) {
	a.within(a.bodyTime)
	defer a.cutAtEnd()()
	const least, first = 512, 64 << 10
	whole := int(min(max(a.length, 0), int64(limit))) + 1 // one more byte shows the end
	body := []byte{}
	for {
		if len(body) == cap(body) {
			size := min(max(2*cap(body), least, min(whole, first)), limit+1)
			if whole > cap(body) {
				size = min(size, whole)
			}
			if err := a.admission.reserve(size); err != nil {
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
			return nil, a.errUnread(err)
		case len(body) > limit:
			return body, nil
		}
	}
}

// cutAtEnd cuts the body when the process ends, until stop is called.
func (a *arrival) cutAtEnd() (stop func() bool) {
	return context.AfterFunc(a.admission.limiter.closing, a.cut)
}

// errUnread returns the error of a body that could not be read.
func (a *arrival) errUnread(err error) error {
	if a.admission.limiter.closing.Err() != nil {
		return errClosing
	}
	return apierr.New(apierr.BadRequest, "invalid_request", "the body could not be read", err)
}
