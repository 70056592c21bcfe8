package testkit

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

var ports atomic.Int32

// FreePort is the number of a port, for the functions framework takes no listener. It is below those of which the system
// gives one to every other server of the tests, so that none takes it in the meantime.
func FreePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(20000 + (os.Getpid()+int(ports.Add(1)))%10000)
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("no port is free")
}
