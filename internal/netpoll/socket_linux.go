//go:build linux && !386 && !s390x && !race

package netpoll

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"
)

// accept, recv and send never wait, so the scheduler need not be told of them: that is what RawSyscall6 saves. On the
// architectures left out these calls go by another name, and the race detector knows of those of package syscall alone. With an error, n means nothing.

// accept takes the next connection of a listener that does not block. An IPv4 address is one also where the listener is for IPv6.
func accept(fd int) (n int, peer netip.AddrPort, err error) {
	var from syscall.RawSockaddrInet6 // which is longer than that of IPv4
	size := uint32(unsafe.Sizeof(from))
	r, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&from)),
		uintptr(unsafe.Pointer(&size)), acceptFlags, 0, 0)
	if errno != 0 {
		return 0, peer, errno
	}
	switch from.Family {
	case syscall.AF_INET:
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&from))
		peer = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port(&v4.Port))
	case syscall.AF_INET6:
		peer = netip.AddrPortFrom(netip.AddrFrom16(from.Addr).Unmap().WithZone(zone(from.Scope_id)), port(&from.Port))
	}
	return int(r), peer, nil
}

// port returns a port, which the system keeps in network byte order.
func port(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }

func recv(fd int, p []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT, 0, 0)
	return int(r), errno
}

// maxSecond is how many bytes go in one call with what is in front of them. The call for the others finds the peer
// reading: a MiB in one call costs a quarter more.
const maxSecond = 64 << 10

func send(fd int, p, more []byte) (n int, errno syscall.Errno) {
	switch {
	case len(p) == 0:
		p = more
	case len(more) > 0:
		return sendBoth(fd, p, more[:min(len(more), maxSecond)])
	}
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return int(r), errno
}

func sendBoth(fd int, p, more []byte) (n int, errno syscall.Errno) {
	pieces := [2]syscall.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(more)}}
	pieces[0].SetLen(len(p))
	pieces[1].SetLen(len(more))
	message := syscall.Msghdr{Iov: &pieces[0], Iovlen: 2}
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&message)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0, 0)
	return int(r), errno
}
