//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package netpoll

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// Listener is a socket that listens and does not block.
type Listener struct {
	FD
	local net.Addr
}

// Local returns the address that all its connections have at this end, or nil if that may differ.
func (l *Listener) Local() net.Addr { return l.local }

// Listen returns a listener for the socket of ln, with a descriptor of its own. It fails with errors.ErrUnsupported if ln is
// not a *net.TCPListener or *net.UnixListener.
func Listen(ln net.Listener) (*Listener, error) {
	var sc syscall.Conn
	switch ln := ln.(type) {
	case *net.TCPListener:
		sc = ln
	case *net.UnixListener:
		sc = ln
	default:
		return nil, errors.ErrUnsupported
	}
	fd, err := duplicate(sc)
	if err != nil {
		return nil, err
	}
	l := new(Listener)
	if err := l.Init(fd); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	if _, ok := ln.(*net.TCPListener); ok { // what package net sets for each connection is inherited
		inherit(fd)
		l.local = localOf(fd)
	}
	return l, nil
}

// TryAccept makes f the owner of the next connection, and returns the address of its peer, which is the zero value for one that
// is not of TCP. The error is syscall.EAGAIN if there is none now, net.ErrClosed once the listener is closed, or what the system
// says.
func (l *Listener) TryAccept(f *FD) (peer netip.AddrPort, err error) {
	if !l.begin() {
		return peer, net.ErrClosed
	}
	defer l.end()
	for {
		n, peer, err := accept(int(l.n))
		switch err {
		case nil:
			return peer, f.own(n, setUp)
		case syscall.EINTR, syscall.ECONNABORTED:
		case syscall.EAGAIN:
			return peer, err
		default:
			return peer, os.NewSyscallError("accept", err)
		}
	}
}

// WouldBlock reports whether there is nothing to accept now.
func WouldBlock(err error) bool { return err == syscall.EAGAIN }

// Temporary reports whether accepting failed for a reason that may be gone later: for want of descriptors or memory, or because
// of the one connection that was next.
func Temporary(err error) bool {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return false
	}
	switch e {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	case syscall.EPERM: // a firewall forbids it
		return true
	case syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP,
		syscall.ENETUNREACH, syscall.ETIMEDOUT:
		// accept(2) of Linux: these may be errors of the new connection, and "the application should [...] treat them like EAGAIN
		// by retrying".
		return true
	}
	return isTemporary(e)
}
