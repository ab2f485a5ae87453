package netpoll

import "syscall"

// acceptFlags make that connections do not block, and that programs which this one starts do not have them.
const acceptFlags = syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC

// setUp is for what accept leaves, which is nothing.
func setUp(int) error { return nil }

// keepAliveIdle is after how many seconds without traffic the system asks a peer whether it is there, as in package net.
const keepAliveIdle = 15

func inherit(fd int) {
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveIdle)
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveIdle)
}

// isTemporary is for what other systems do not have.
func isTemporary(e syscall.Errno) bool { return e == syscall.ENONET }
