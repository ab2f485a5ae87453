package netpoll

import (
	"net"
	"syscall"
)

// ipv6Transparent is IPV6_TRANSPARENT, which package syscall does not have.
const ipv6Transparent = 75

// localOf returns the address that all connections of a listener have at this end, or nil if that may differ: because it listens at
// all addresses, or as a transparent proxy does.
func localOf(fd int) net.Addr {
	for level, option := range map[int]int{syscall.SOL_IP: syscall.IP_TRANSPARENT, syscall.SOL_IPV6: ipv6Transparent} {
		if on, err := syscall.GetsockoptInt(fd, level, option); err == nil && on != 0 {
			return nil
		}
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return nil
	}
	if a, ok := Addr(sa).(*net.TCPAddr); ok && !a.IP.IsUnspecified() {
		return a
	}
	return nil
}
