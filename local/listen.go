package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"example.com/okta-secops/internal/caller"
)

// listeners are the open addresses; okta and transmitter are nil without an emulator.
type listeners struct{ functions, okta, transmitter net.Listener }

func (l listeners) close() { closeAll(l.functions, l.okta, l.transmitter) }

// listen opens the addresses of the functions, of the emulator and of the transmitter. The error lists every address
// that cannot be opened, including that of Pub/Sub.
func (o options) listen() (all listeners, err error) {
	var problems []string
	open := func(flag, addr string) net.Listener {
		l, err := listen(flag, addr)
		if err != nil {
			problems = append(problems, err.Error())
			return nil
		}
		return l
	}
	all.functions = open("-addr", o.addr)
	if o.okta == "" && o.getenv("OKTA_API_ROOT") == "" {
		all.okta = open("-okta-addr", o.oktaAddr)
		all.transmitter, err = listen("-transmitter-addr", o.transmitter)
		if err != nil && o.transmitter == defaultTransmitterAddr {
			all.transmitter, err = listen("-transmitter-addr", "127.0.0.1:0") // announce prints it
		}
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	if o.pubsubAddr != "" && o.pubsubAddr != defaultPubSubAddr { // only a check: the broker opens it
		closeAll(open("-pubsub-addr", o.pubsubAddr))
	}
	if len(problems) > 0 {
		all.close()
		return listeners{}, errors.New(strings.Join(problems, "; "))
	}
	return all, nil
}

// closeAll closes the listeners that are not nil.
func closeAll(listeners ...net.Listener) {
	for _, l := range listeners {
		if l != nil {
			_ = l.Close()
		}
	}
}

// listen opens a loopback address.
func listen(flag, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not an address; use a form such as 127.0.0.1:8080", flag, addr)
	}
	if !caller.IsLoopback(host) {
		return nil, fmt.Errorf("%s %s is not a loopback address: the local product does not authenticate callers "+
			"and serves only this machine", flag, addr)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use: stop the process that uses it, or select a free port with %s 127.0.0.1:0",
			port, flag)
	}
	return l, err
}
