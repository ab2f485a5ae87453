//go:build unix && (!linux || 386 || s390x) && !websocket_portable

package conn

import "syscall"

// A socket of package net never blocks, so plain read and write do not either. With an error they return -1.

func recvNonblocking(fd uintptr, p []byte) (int, error) {
	n, err := syscall.Read(int(fd), p)
	return max(n, 0), err
}

func sendNonblocking(fd uintptr, p []byte) (int, error) {
	n, err := syscall.Write(int(fd), p)
	return max(n, 0), err
}
