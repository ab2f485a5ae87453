//go:build unix && !websocket_portable

package conn

import (
	"io"
	"net"
	"syscall"
)

// newSource uses the socket itself where nc is one and nothing else. A type of somebody else's that embeds a TCPConn has
// methods of its own for a reason, so it gets the portable source.
func newSource(nc net.Conn) source {
	switch socket := nc.(type) {
	case *net.TCPConn:
		return newSocket(nc, socket.SyscallConn)
	case *net.UnixConn:
		return newSocket(nc, socket.SyscallConn)
	}
	return &portable{nc: nc}
}

// socket is the source for sockets of the operating system. It reads and writes without blocking, and waits only when
// that is not possible; while it waits to read it holds no buffer. It is closed, and its waiting cut by deadlines,
// through the net.Conn that it was made from.
type socket struct {
	raw syscall.RawConn

	// What the callbacks below work on, because a closure for each call would be garbage for each call.
	in    *input // read into this, or
	into  []byte // into this
	got   int
	inErr error
	recv  func(fd uintptr) bool

	out    []byte // still to be sent
	once   bool   // do not wait
	outErr error
	send   func(fd uintptr) bool
}

func newSocket(nc net.Conn, syscallConn func() (syscall.RawConn, error)) source {
	raw, err := syscallConn()
	if err != nil {
		return &portable{nc: nc}
	}
	s := &socket{raw: raw}
	s.recv, s.send = s.tryRecv, s.trySend
	return s
}

func (s *socket) read(in *input) error {
	in.prepare() // here rather than deep in the call below: a stack that has grown does not shrink while it waits
	s.in = in
	_, err := s.readInto(nil)
	s.in = nil
	return err
}

func (s *socket) readInto(p []byte) (int, error) {
	s.into, s.got, s.inErr = p, 0, nil
	// Always try first: readiness that was reported once is not reported again.
	err := s.raw.Read(s.recv)
	s.into = nil
	if err == nil {
		err = s.inErr
	}
	return s.got, err
}

// tryRecv reports whether it is done: bytes have come, the end has, or an error.
func (s *socket) tryRecv(fd uintptr) bool {
	room := s.into
	if s.in != nil {
		s.in.prepare()
		room = s.in.free()
	}
	var err error
	for s.got, err = recvNonblocking(fd, room); err == syscall.EINTR; {
		s.got, err = recvNonblocking(fd, room)
	}
	switch {
	case err == nil && s.got == 0:
		s.inErr = io.EOF
	case err != nil && err != syscall.EAGAIN:
		s.inErr = &net.OpError{Op: "read", Net: "tcp", Err: err}
	}
	if s.in != nil {
		s.in.received(s.got)
		s.in.idle()
	}
	return err != syscall.EAGAIN
}

func (s *socket) cuttable() bool { return true }

func (s *socket) write(p []byte) (int, error) { return s.sendAll(p, false) }

func (s *socket) tryWrite(p []byte) (int, error) { return s.sendAll(p, true) }

func (s *socket) sendAll(p []byte, once bool) (int, error) {
	s.out, s.once, s.outErr = p, once, nil
	err := s.raw.Write(s.send)
	n := len(p) - len(s.out)
	s.out = nil
	if s.outErr != nil {
		return n, s.outErr
	}
	return n, err
}

// trySend reports whether it is done: all is sent, or there is an error, or it may not wait.
func (s *socket) trySend(fd uintptr) bool {
	for len(s.out) > 0 {
		n, err := sendNonblocking(fd, s.out)
		switch err {
		case nil:
			s.out = s.out[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return s.once
		default:
			s.outErr = &net.OpError{Op: "write", Net: "tcp", Err: err}
			return true
		}
	}
	return true
}
