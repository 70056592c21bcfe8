// Package caller decides who may call the functions.
package caller

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"example.com/okta-secops/internal/fault"
)

// Authenticator tells whether a request may be served. The error is a fault: Unauthenticated, Forbidden,
// or Misconfigured where nobody may be served at all.
type Authenticator interface {
	Authenticate(r *http.Request) error
}

// New returns the authenticator for a mode (CALLER_AUTH). onCloud tells whether the process runs on
// Cloud Run, where nothing may be served without authentication.
func New(mode string, onCloud bool) (Authenticator, error) {
	switch {
	case mode == "":
		return nil, fmt.Errorf("CALLER_AUTH is not set: nobody is served until it says how callers are authenticated")
	case mode != "none":
		return nil, fmt.Errorf("CALLER_AUTH is %q: this build serves only none, on loopback", mode)
	case onCloud:
		return nil, fmt.Errorf("CALLER_AUTH is none, which is for local work only and never serves on Cloud Run (K_SERVICE is set)")
	}
	return loopback{}, nil
}

// loopback serves anyone whose connection arrives on the loopback interface, and nobody else.
type loopback struct{}

func (loopback) Authenticate(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !isLoopback(r.RemoteAddr) || ok && !isLoopback(local.String()) {
		return fault.New(fault.Forbidden, "loopback_only", "CALLER_AUTH is none: only connections on loopback are served", nil)
	}
	// A web page that the user has open can reach loopback too, under a name of its own that it has
	// pointed there.
	if !namesLoopback(r.Host) {
		return fault.New(fault.Forbidden, "loopback_only", "CALLER_AUTH is none: only the hosts localhost, 127.0.0.1 and [::1] are served", nil)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func namesLoopback(hostport string) bool {
	return IsLoopback(strings.ToLower((&url.URL{Host: hostport}).Hostname()))
}

// IsLoopback tells whether a host, without a port, is this machine: localhost or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
