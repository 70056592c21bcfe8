package action

import (
	"errors"
	"net/netip"
)

// IPAddress is a parameter that holds an IP address, in its canonical form; "" if it was not given.
type IPAddress string

// UnmarshalParam implements ParamUnmarshaler.
func (a *IPAddress) UnmarshalParam(text string) (warning string, err error) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return "", errors.New("must be an IP address, such as 192.0.2.10")
	}
	*a = IPAddress(ip.String())
	return "", nil
}
