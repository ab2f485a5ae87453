//go:build unix && !websocket_portable

package conn

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/seed60239977/websocket/protocol"
)

// newTransport uses the socket itself where nc is one and nothing else. A type of somebody else's that embeds a TCPConn has
// methods of its own for a reason, so it gets the portable transport.
func newTransport(nc net.Conn, in *readBuffer) transport {
	switch socket := nc.(type) {
	case *net.TCPConn:
		return newSocket(nc, in, socket.SyscallConn)
	case *net.UnixConn:
		return newSocket(nc, in, socket.SyscallConn)
	}
	return newPortable(nc)
}

// socket is the transport for sockets of the operating system. It reads and writes without blocking, and waits only when
// that is not possible; while it waits to read it holds no buffer. It is closed, and its waiting cut by deadlines,
// through the net.Conn that it was made from.
type socket struct {
	raw  syscall.RawConn
	recv func(fd uintptr) bool // made once: a closure for each call would be garbage for each call
	err  int32                 // what became of it: an error number, endOfFile, or 0
}

// endOfFile is no system's error number.
const endOfFile = -1

func newSocket(nc net.Conn, in *readBuffer, syscallConn func() (syscall.RawConn, error)) transport {
	raw, err := syscallConn()
	if err != nil {
		return newPortable(nc)
	}
	s := &socket{raw: raw}
	// It reports whether it is done: bytes have come, the end has, or an error.
	s.recv = func(fd uintptr) bool {
		n, errno := recvNonblocking(fd, in.free())
		for errno == syscall.EINTR {
			n, errno = recvNonblocking(fd, in.free())
		}
		switch {
		case errno == 0 && n > 0:
			in.received(n)
			return true
		case errno == 0:
			s.err = endOfFile
		case errno != syscall.EAGAIN:
			s.err = int32(errno)
		}
		in.idle()
		return errno != syscall.EAGAIN
	}
	return s
}

func (s *socket) read(in *readBuffer) error {
	in.prepare() // here rather than deep in the call below: see Conn.nextPart about stacks
	s.err = 0
	// Always try first: readiness that was reported once is not reported again.
	if err := s.raw.Read(s.recv); err != nil {
		return err
	}
	switch s.err {
	case 0:
		return nil
	case endOfFile:
		return io.EOF
	}
	return &net.OpError{Op: "read", Net: "tcp", Err: syscall.Errno(s.err)}
}

func (s *socket) resumable() bool { return true }

func (s *socket) write(from *protocol.Sender, wait bool) (n int, err error) {
	t := sendings.Get().(*sending)
	t.rest, t.more = from.Pending()
	if len(t.rest) == 0 {
		t.rest, t.more = t.more, nil
	}
	t.wait, t.err, t.n = wait, 0, 0
	if err = s.raw.Write(t.send); t.err != 0 {
		err = t.failure()
	}
	n = t.n
	t.rest, t.more = nil, nil
	sendings.Put(t)
	return n, err
}

func (t *sending) failure() error { return &net.OpError{Op: "write", Net: "tcp", Err: t.err} }

// firstSend is how many bytes go in one call with what is in front of them. The call for the others finds the peer
// reading: a MiB in one call costs a quarter more.
const firstSend = 64 << 10

// sent records that n bytes were written.
func (t *sending) sent(n int) {
	t.n += n
	k := min(n, len(t.rest))
	if t.rest = t.rest[k:]; len(t.rest) == 0 {
		t.rest, t.more = t.more[n-k:], nil
	}
}

// sending is one call that sends. Unlike receiving, it seldom waits, so connections share a few.
type sending struct {
	rest []byte // still to be sent
	more []byte // and then this
	both vector // of them
	n    int    // bytes that were sent
	wait bool   // when no more can be sent now
	err  syscall.Errno
	send func(fd uintptr) bool
}

var sendings = sync.Pool{New: func() any {
	t := new(sending)
	// It reports whether it is done: all is sent, or there is an error, or it is not to wait.
	t.send = func(fd uintptr) bool {
		for len(t.rest) > 0 {
			var n int
			var errno syscall.Errno
			if len(t.more) == 0 {
				n, errno = sendNonblocking(fd, t.rest)
			} else {
				n, errno = t.both.sendNonblocking(fd, t.rest, t.more[:min(len(t.more), firstSend)])
			}
			switch errno {
			case 0:
				t.sent(n)
			case syscall.EINTR:
			case syscall.EAGAIN:
				return !t.wait
			default:
				t.err = errno
				return true
			}
		}
		return true
	}
	return t
}}

// asNet gives an error of a socket, which is read and written past its net.Conn, the form that it would have from that.
//
//go:noinline
func (c *Conn) asNet(err error) error {
	op, ok := err.(*net.OpError)
	if !ok || !c.transport.resumable() {
		return err
	}
	full := *op
	full.Op = strings.TrimPrefix(op.Op, "raw-")
	full.Source, full.Addr = c.nc.LocalAddr(), c.nc.RemoteAddr()
	if full.Source != nil {
		full.Net = full.Source.Network()
	}
	if errno, ok := op.Err.(syscall.Errno); ok {
		full.Err = os.NewSyscallError(full.Op, errno)
	}
	return &full
}
