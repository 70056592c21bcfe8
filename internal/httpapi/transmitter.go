package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/ssf"
)

// TransmitterFunction is the name of the function that publishes the keys of the signals.
const TransmitterFunction = "OktaTransmitter"

// Publication has the documents of a transmitter, in JSON.
type Publication struct {
	Metadata, JWKS []byte
	MaxAge         time.Duration // for which a reader may keep them
}

// TransmitterHandler serves the documents of a transmitter to everyone: GET and HEAD of
// ssf.MetadataPath and ssf.JWKSPath, also conditional (RFC 9110, section 13). Every other path is
// 404. The documents do not depend on the request.
func TransmitterHandler(open func(context.Context) (Publication, error)) http.Handler {
	return LimitArrival(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		path := r.URL.Path
		switch {
		case path != ssf.MetadataPath && path != ssf.JWKSPath:
			refuse(w, http.StatusNotFound, "not_found", "this address has only "+ssf.MetadataPath+" and "+ssf.JWKSPath)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "the method must be GET or HEAD")
			return
		}
		p, err := open(r.Context())
		if err != nil {
			w.Header().Set("Retry-After", "30")
			refuse(w, http.StatusServiceUnavailable, "unavailable", apierr.As(err).Message)
			return
		}
		document := p.JWKS
		if path == ssf.MetadataPath {
			document = p.Metadata
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(p.MaxAge.Seconds())))
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(document)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
	}))
}

// refuse sends an error of the transmitter.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`+"\n", code, message)
}
