//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll

import (
	"net"
	"net/netip"
	"syscall"
)

// accept takes the next connection of a listener that does not block.
func accept(fd int) (int, netip.AddrPort, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, peer, err := syscall.Accept(fd)
	if err == nil {
		syscall.CloseOnExec(n)
	}
	return n, addrPort(peer), err
}

// setUp is for what accept leaves.
func setUp(fd int) error { return syscall.SetNonblock(fd, true) }

func inherit(fd int) {
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
}

// localOf returns nil: nobody has looked here at what makes addresses differ.
func localOf(int) net.Addr { return nil }

// isTemporary is for what other systems do not have.
func isTemporary(syscall.Errno) bool { return false }
