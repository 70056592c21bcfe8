package caller

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"

	"example.com/okta-secops/internal/apierr"
)

// Loopback returns an Authenticator that accepts connections on the loopback interface only
// (CALLER_AUTH none).
func Loopback() Authenticator { return loopback{} }

type loopback struct{}

// Authenticate implements Authenticator.
func (loopback) Authenticate(r *http.Request) (Identity, error) {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !isLoopback(r.RemoteAddr) || ok && !isLoopback(local.String()) {
		return Identity{}, apierr.New(apierr.Forbidden, "loopback_only", "CALLER_AUTH is none: only connections on "+
			"loopback are accepted", nil)
	}
	return Identity{Mode: None}, OwnPage(r)
}

// OwnPage refuses requests that a foreign web page can have the user's browser send to a server on
// loopback: a request to another host name that resolves to loopback (DNS rebinding), or one with a
// foreign Origin. The error is of the kind Forbidden.
func OwnPage(r *http.Request) error {
	switch origin := r.Header.Values("Origin"); {
	case !namesServer(r):
		return apierr.New(apierr.Forbidden, "foreign_host",
			"the Host must be the loopback address that the connection uses: its IP address or localhost, with its port", nil)
	case len(origin) > 1, len(origin) == 1 && origin[0] != "http://"+r.Host:
		return apierr.New(apierr.Forbidden, "foreign_origin", "the Origin is not a page of this server", nil)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// namesServer reports whether the Host of a request is the local address of its connection.
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

// IsLoopback reports whether a host without a port is localhost or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// IsSecureURL reports whether a text is an https URL, or an http URL on loopback.
func IsSecureURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname()))
}
