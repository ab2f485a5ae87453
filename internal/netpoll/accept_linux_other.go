//go:build linux && (386 || s390x || race)

package netpoll

import (
	"net/netip"
	"syscall"
)

// accept takes the next connection of a listener that does not block.
func accept(fd int) (int, netip.AddrPort, error) {
	n, peer, err := syscall.Accept4(fd, acceptFlags)
	return n, addrPort(peer), err
}
