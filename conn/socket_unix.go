//go:build unix && (!linux || 386 || s390x) && !websocket_portable

package conn

import "syscall"

// A socket of package net never blocks, so plain read and write do not either.

func recvNonblocking(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

func sendNonblocking(fd uintptr, p []byte) (int, error) { return syscall.Write(int(fd), p) }
