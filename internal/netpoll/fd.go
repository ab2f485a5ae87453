//go:build unix

package netpoll

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/seed60239977/websocket/internal/nonblock"
)

// FD is the descriptor of a stream socket that does not block. Its methods may be called from any goroutine: a descriptor is
// closed only once no call is under way that uses it, so that none ever meets another connection with the same number.
// It must not be copied.
type FD struct {
	n int32
	// uses counts calls that are under way; closing is added to it by Close.
	uses atomic.Int32
}

// closing is more than there are calls at a time.
const closing = 1 << 30

// Init makes f the owner of a descriptor, which does not block from now on.
func (f *FD) Init(fd int) error {
	f.n = int32(fd)
	return syscall.SetNonblock(fd, true)
}

// own makes f the owner of a descriptor, which prepare makes ready; if that fails, the descriptor is closed.
func (f *FD) own(fd int, prepare func(fd int) error) error {
	if err := prepare(fd); err != nil {
		syscall.Close(fd)
		return err
	}
	f.n = int32(fd)
	return nil
}

// begin begins to use the descriptor, and reports whether it is open. Then end must follow.
func (f *FD) begin() bool {
	for {
		uses := f.uses.Load()
		if uses >= closing {
			return false
		}
		if f.uses.CompareAndSwap(uses, uses+1) {
			return true
		}
	}
}

func (f *FD) end() {
	if f.uses.Add(-1) == closing { // the last one, and nobody begins any more
		syscall.Close(int(f.n))
	}
}

// Close closes the descriptor, as soon as nobody uses it. It reports whether it was open.
func (f *FD) Close() bool {
	if !f.begin() {
		return false
	}
	for {
		uses := f.uses.Load()
		if uses >= closing {
			f.end()
			return false
		}
		if f.uses.CompareAndSwap(uses, uses+closing) {
			f.end()
			return true
		}
	}
}

// Do calls f with the descriptor, which stays open meanwhile.
func (f *FD) Do(use func(fd int) error) error {
	if !f.begin() {
		return net.ErrClosed
	}
	defer f.end()
	return use(int(f.n))
}

// TryRead reads at least one byte. The error is io.EOF, nonblock.ErrWouldBlock, net.ErrClosed, or a *net.OpError.
func (f *FD) TryRead(p []byte) (int, error) {
	if !f.begin() {
		return 0, net.ErrClosed
	}
	n, errno := recv(int(f.n), p)
	for errno == syscall.EINTR {
		n, errno = recv(int(f.n), p)
	}
	f.end()
	switch {
	case errno == syscall.EAGAIN:
		return 0, nonblock.ErrWouldBlock
	case errno != 0:
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errno}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// TryWrite writes as much of p and then of more as is possible now, which may be nothing. The error is net.ErrClosed or a
// *net.OpError.
func (f *FD) TryWrite(p, more []byte) (n int, err error) {
	if !f.begin() {
		return 0, net.ErrClosed
	}
	defer f.end()
	for len(p)+len(more) > 0 {
		k, errno := send(int(f.n), p, more)
		switch errno {
		case 0:
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return n, nil
		default:
			return n, &net.OpError{Op: "write", Net: "tcp", Err: errno}
		}
		n += k
		if k < len(p) {
			p = p[k:]
		} else {
			p, more = more[k-len(p):], nil
		}
	}
	return n, nil
}

// CloseWrite closes the writing side alone.
func (f *FD) CloseWrite() error {
	return f.Do(func(fd int) error {
		return os.NewSyscallError("shutdown", syscall.Shutdown(fd, syscall.SHUT_WR))
	})
}

// LocalAddr returns the address of this end, or nil if that is not known.
func (f *FD) LocalAddr() net.Addr { return f.addr(syscall.Getsockname) }

// RemoteAddr returns the address of the other end, or nil if that is not known.
func (f *FD) RemoteAddr() net.Addr { return f.addr(syscall.Getpeername) }

func (f *FD) addr(get func(fd int) (syscall.Sockaddr, error)) (a net.Addr) {
	f.Do(func(fd int) error {
		sa, err := get(fd)
		if err == nil {
			a = Addr(sa)
		}
		return err
	})
	return a
}

// Addr returns an address of the system's as package net has it, or nil.
func Addr(sa syscall.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: append([]byte(nil), sa.Addr[:]...), Port: sa.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: append([]byte(nil), sa.Addr[:]...), Port: sa.Port, Zone: zone(sa.ZoneId)}
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}

func zone(id uint32) string {
	if id == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(id)); err == nil {
		return i.Name
	}
	return ""
}

// Duplicate returns a descriptor of its own for the socket of nc, which may be closed then. It fails if nc is no socket of
// the operating system.
func Duplicate(nc net.Conn) (fd int, err error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return duplicate(sc)
}

func duplicate(sc syscall.Conn) (fd int, err error) {
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(old uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, err = syscall.Dup(int(old)); err == nil {
			syscall.CloseOnExec(fd)
		}
	})
	return fd, errors.Join(controlErr, os.NewSyscallError("dup", err))
}
