//go:build unix && (!linux || 386 || s390x || race) && !websocket_portable

package conn

import "syscall"

// errno returns which of the system's errors err is, or 0.
func errno(err error) syscall.Errno {
	n, _ := err.(syscall.Errno)
	return n
}

// A socket of package net never blocks, so plain read and write do not either. With an error, n means nothing.

func recvNonblocking(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), p)
	return n, errno(err)
}

// vector is where Linux has a call for two pieces of memory.
type vector struct{}

// sendNonblocking sends from p; more has its turn later.
func (vector) sendNonblocking(fd uintptr, p, _ []byte) (n int, errno syscall.Errno) {
	return sendNonblocking(fd, p)
}

func sendNonblocking(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	return n, errno(err)
}
