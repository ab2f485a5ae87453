//go:build linux && !386 && !s390x && !websocket_portable

package conn

import (
	"syscall"
	"unsafe"
)

// recvNonblocking and sendNonblocking never wait, so the scheduler need not be told of them: that is what RawSyscall6
// saves. On the architectures left out these calls go by another name. With an error, n means nothing.

func recvNonblocking(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd,
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT, 0, 0)
	return int(r), errno
}

func sendNonblocking(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd,
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return int(r), errno
}
