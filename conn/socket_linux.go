//go:build linux && !386 && !s390x && !race && !websocket_portable

package conn

import (
	"syscall"
	"unsafe"
)

// recvNonblocking and sendNonblocking never wait, so the scheduler need not be told of them: that is what RawSyscall6
// saves. On the architectures left out these calls go by another name, and the race detector takes what goes through a socket for
// a message from one goroutine to another only where package syscall makes the call. With an error, n means nothing.

// recvNonblocking is not inlined to keep it off the stack while waiting, see Conn.nextPart.
//
//go:noinline
func recvNonblocking(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd,
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT, 0, 0)
	return int(r), errno
}

// vector is two pieces of memory for one call.
type vector struct {
	pieces  [2]syscall.Iovec
	message syscall.Msghdr
}

// sendNonblocking sends from p and then from more, neither of which is empty.
func (v *vector) sendNonblocking(fd uintptr, p, more []byte) (n int, errno syscall.Errno) {
	for i, p := range [...][]byte{p, more} {
		v.pieces[i].Base = unsafe.SliceData(p)
		v.pieces[i].SetLen(len(p))
	}
	v.message = syscall.Msghdr{Iov: &v.pieces[0], Iovlen: 2}
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDMSG, fd,
		uintptr(unsafe.Pointer(&v.message)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0, 0)
	*v = vector{}
	return int(r), errno
}

func sendNonblocking(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd,
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return int(r), errno
}
