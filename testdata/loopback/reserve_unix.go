//go:build unix

package loopback

import (
	"fmt"
	"syscall"
)

// Reserve returns an address that no other program is given where it asks for any free port: a socket is bound to it
// until release is called, and does not listen. With SO_REUSEADDR, which Go sets for whoever listens, one other can.
func Reserve() (addr string, release func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", nil, err
	}
	syscall.CloseOnExec(socket)
	release = func() { syscall.Close(socket) }
	err = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	bound, nameErr := syscall.Getsockname(socket)
	if err == nil {
		err = nameErr
	}
	if err != nil {
		release()
		return "", nil, err
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port), release, nil
}
