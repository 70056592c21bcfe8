package caller

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// Loopback serves anyone whose connection arrives on the loopback interface, and nobody else (CALLER_AUTH none).
func Loopback() Authenticator { return loopback{} }

type loopback struct{}

func (loopback) Authenticate(r *http.Request) (Identity, error) {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !isLoopback(r.RemoteAddr) || ok && !isLoopback(local.String()) {
		return Identity{}, apierr.New(apierr.Forbidden, "loopback_only", "CALLER_AUTH is none: only connections on loopback are served", nil)
	}
	return Identity{Mode: None}, OwnPage(r)
}

// OwnPage refuses what a web page that the user has open could have the browser send to a server on loopback: a request
// under a name of its own that it has pointed there (DNS rebinding), or one that says it comes from elsewhere. The error is
// a fault.
func OwnPage(r *http.Request) error {
	switch origin := r.Header.Values("Origin"); {
	case !namesServer(r):
		return apierr.New(apierr.Forbidden, "foreign_host", "this is served on loopback, under its own address alone: its IP or localhost, with its port", nil)
	case len(origin) > 1, len(origin) == 1 && origin[0] != "http://"+r.Host:
		return apierr.New(apierr.Forbidden, "foreign_origin", "this is served on loopback, to its own pages alone", nil)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// namesServer tells whether the Host of a request is the address that its connection arrived at.
func namesServer(r *http.Request) bool {
	u := url.URL{Host: strings.ToLower(r.Host)}
	host, port := u.Hostname(), cmp.Or(u.Port(), "80")
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return IsLoopback(host)
	}
	ip, ownPort, err := net.SplitHostPort(local.String())
	return err == nil && port == ownPort && (host == "localhost" || net.ParseIP(ip).Equal(net.ParseIP(host)))
}

// IsLoopback tells whether a host, without a port, is this machine: localhost or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
