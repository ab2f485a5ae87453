//go:build unix

package event

import (
	"syscall"
)

// SyscallConn gives access to the descriptor, for socket options. Read and Write of the RawConn fail, because the loop reads
// and the connection writes.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return rawConn{s}, nil }

// rawConn is the descriptor of a socket.
type rawConn struct{ s *Socket }

// Control implements [syscall.RawConn].
func (r rawConn) Control(f func(fd uintptr)) error {
	return r.s.fd.Do(func(fd int) error { f(uintptr(fd)); return nil })
}

// Read implements [syscall.RawConn].
func (rawConn) Read(func(fd uintptr) bool) error { return errThroughConn }

// Write implements [syscall.RawConn].
func (rawConn) Write(func(fd uintptr) bool) error { return errThroughConn }
