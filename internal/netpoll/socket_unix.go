//go:build unix && (!linux || 386 || s390x || race)

package netpoll

import (
	"net"
	"net/netip"
	"syscall"
)

// addrPort returns an address of TCP as accept has it on all systems, or the zero value.
func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	tcp, ok := Addr(sa).(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	a := tcp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// The descriptors do not block, so plain read and write do not either. With an error, n means nothing.

func recv(fd int, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(fd, p)
	return n, number(err)
}

func send(fd int, p, more []byte) (int, syscall.Errno) {
	if len(p) == 0 {
		p = more // else it has its turn later
	}
	n, err := syscall.Write(fd, p)
	return n, number(err)
}

// number returns which of the system's errors err is, or 0.
func number(err error) syscall.Errno {
	n, _ := err.(syscall.Errno)
	return n
}
