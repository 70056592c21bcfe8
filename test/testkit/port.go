package testkit

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

var ports atomic.Int32

// FreePort returns a free port, because the functions framework takes no listener. It is below the ephemeral range, so that
// no other server of the tests takes it meanwhile.
func FreePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(20000 + (os.Getpid()+int(ports.Add(1)))%10000)
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("no free port")
}
