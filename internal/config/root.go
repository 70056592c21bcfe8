package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Errors of OKTA_API_ROOT. Each completes a sentence that begins with the variable.
var (
	errNotOrgURL  = errors.New("must be the org's URL and nothing else, such as https://acme.okta.com")
	errNotHTTPS   = errors.New("must begin with https://")
	errAddress    = errors.New("must name the org by its host name, not by an IP address")
	errHost       = errors.New("must have a host name of letters, digits, dots and hyphens, without a dot at its end")
	errPort       = errors.New("must have a port from 1 to 65535, or none")
	errAdminHost  = errors.New("is the address of the Admin Console: remove -admin")
	errPathInRoot = errors.New("must be the org's URL without a path")
)

var (
	hostLabel   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)
	numberLabel = regexp.MustCompile(`^(?:[0-9]+|0x[0-9a-f]*)$`)
)

// maxHost is the length of a host name in DNS, in bytes.
const maxHost = 253

// parseRoot parses the URL of the org. The host of the result is in lower case, without the default port, so that it
// can be compared and used as an audience.
func parseRoot(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}) {
		return nil, errNotOrgURL
	}
	host := strings.ToLower(u.Hostname())
	loopback, err := checkHost(host)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(u)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback):
		return nil, errNotHTTPS
	case strings.Trim(u.Path, "/") != "":
		return nil, errPathInRoot
	case strings.Contains(host, "-admin.okta"):
		return nil, errAdminHost
	}
	root := &url.URL{Scheme: u.Scheme, Host: host}
	switch {
	case port != "":
		root.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		root.Host = "[" + host + "]"
	}
	return root, nil
}

// parsePort returns the port of a URL; "" without one, and for the default port of its scheme.
func parsePort(u *url.URL) (string, error) {
	if u.Port() == "" {
		return "", nil
	}
	n, err := strconv.Atoi(u.Port())
	switch {
	case err != nil || n < 1 || n > 65535:
		return "", errPort
	case u.Scheme == "https" && n == 443, u.Scheme == "http" && n == 80:
		return "", nil
	}
	return strconv.Itoa(n), nil
}

// checkHost accepts DNS names and loopback addresses in their usual notation. A name whose last part is a number is an
// IP address in one of the notations that resolvers accept: 2852039166, 0xa9fea9fe, 127.1.
func checkHost(host string) (loopback bool, err error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" || ip.Is4In6() || !ip.IsLoopback() {
			return false, errAddress
		}
		return true, nil
	}
	labels := strings.Split(host, ".")
	if numberLabel.MatchString(labels[len(labels)-1]) || strings.Contains(host, ":") {
		return false, errAddress
	}
	if last := len(labels) - 1; last > 0 && labels[last] == "" && numberLabel.MatchString(labels[last-1]) {
		return false, errAddress
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) || len(host) > maxHost {
			return false, errHost
		}
	}
	return host == "localhost", nil
}
