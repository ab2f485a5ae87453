//go:build unix && (!linux || 386 || s390x)

package netpoll

import (
	"net/netip"
	"syscall"
)

// addrPort returns an address of TCP, or the zero value.
func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap().WithZone(zone(sa.ZoneId)), uint16(sa.Port))
	}
	return netip.AddrPort{}
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
