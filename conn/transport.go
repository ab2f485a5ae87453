package conn

import (
	"errors"
	"io"
	"net"
	"sync/atomic"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// transport is the seam between a connection and the network: where bytes come from and where they go to.
type transport interface {
	// read waits until it can add at least one byte to in, which is always the same, or for an error. While it waits between
	// frames it holds no buffer that is empty. Only whoever holds Conn.reading calls it.
	read(in *readBuffer) error
	// write sends what is pending of s, which is not empty, and returns how much was sent. If wait is set, that is all, or
	// there is an error; else it is as much as is possible without waiting, which may be nothing. Only whoever may write
	// (see flush.go) calls it.
	write(s *protocol.Sender, wait bool) (int, error)
	// resumable reports whether a write that fails because of its deadline counts what it has sent and can be gone on
	// with later.
	resumable() bool
}

// portable is the transport for any net.Conn. It assumes nothing but the contract of that interface.
type portable struct {
	nc     net.Conn
	takes  func(n int) bool // reports whether nc takes n bytes without waiting for the peer; nil if that cannot be told
	opened atomic.Bool      // something was read or written: a handshake of nc's own is over
	waits  bool             // nc is an uncutReader
	less   bool             // read one byte less to first
	// first takes the start of what comes after a pause, so that waiting for it needs no buffer of the pool. It is long
	// enough for many a message, and much less than a tls.Conn holds for itself. With it, portable fills 240 bytes, which is a
	// class of the allocator.
	first [168]byte
	start buffer.Buffer // over what was read to first; nobody has it after the next read
}

// uncutReader is a net.Conn that waits with less memory while no deadline cuts it, such as a stream of HTTP/2.
type uncutReader interface {
	// ReadUncut is Read while no deadline is set, neither before nor meanwhile. Close ends it.
	ReadUncut(p []byte) (int, error)
}

// newPortable returns a portable transport.
func newPortable(nc net.Conn) *portable {
	_, waits := nc.(uncutReader)
	return &portable{nc: nc, waits: waits, takes: newTakes(nc)}
}

func (s *portable) read(in *readBuffer) error {
	if in.uncut && s.waits {
		return s.readUncut(in)
	}
	n, err := s.nc.Read(s.room(in))
	return s.came(in, n, err)
}

// readUncut is read while no deadline cuts it.
func (s *portable) readUncut(in *readBuffer) error {
	n, err := s.nc.(uncutReader).ReadUncut(s.room(in))
	return s.came(in, n, err)
}

// room returns where to read to: the read buffer or, where there is none, what is here.
func (s *portable) room(in *readBuffer) []byte {
	if in.buf != nil || in.within {
		return in.free()
	}
	buffer.Poison(s.first[:])
	return s.first[:s.most()]
}

// most is how much is read to first.
func (s *portable) most() int {
	if s.less {
		return len(s.first) - 1
	}
	return len(s.first)
}

// came takes what a read to room has returned. It is not inlined to keep it off the stack while waiting, see nextPart.
//
//go:noinline
func (s *portable) came(in *readBuffer, n int, err error) error {
	for tries := 1; n == 0 && err == nil; tries++ {
		if tries == maxEmptyReads {
			return io.ErrNoProgress
		}
		n, err = s.nc.Read(s.room(in))
	}
	if n > 0 {
		s.hasOpened()
		err = nil // which comes again with the next read
	}
	if in.buf != nil || in.within {
		if n > 0 {
			in.received(n)
		}
		return err
	}
	// A frame that just fits would end each read, and hide that more has arrived: the next one of its size will not fit.
	s.less = s.less != (n == s.most())
	if n > 0 {
		s.start.BorrowIn(s.first[:n])
		in.buf, in.r = &s.start, 0
	}
	return err
}

// resumable: a net.Conn need not survive a write that is cut, and a tls.Conn does not.
func (s *portable) resumable() bool { return false }

// maxEmptyReads is how often in a row a net.Conn may read nothing and say that all is well.
const maxEmptyReads = 100

// takesNow reports whether nc is known to take n bytes without waiting for the peer.
func (s *portable) takesNow(n int) bool { return s.takes != nil && s.opened.Load() && s.takes(n) }

// hasOpened notes that a handshake of nc's own is over.
func (s *portable) hasOpened() {
	if s.takes != nil && !s.opened.Load() {
		s.opened.Store(true)
	}
}

func (s *portable) write(from *protocol.Sender, wait bool) (n int, err error) {
	p, more := from.Pending()
	if !wait && !s.takesNow(len(p)+len(more)) {
		return 0, nil
	}
	if len(more) > 0 {
		return s.writeBoth(p, more)
	}
	return s.writeAll(p)
}

// writeBoth writes p and, behind it, more.
func (s *portable) writeBoth(p, more []byte) (int, error) {
	if len(p) < buffer.Smallest { // what fits a segment or so goes with p; the rest is not copied
		both := buffer.Get(buffer.Smallest)
		defer both.Release()
		both.B = append(both.B, p...)
		both.B = append(both.B, more[:min(len(more), cap(both.B)-len(p))]...)
		p, more = both.B, more[len(both.B)-len(p):]
	}
	n, err := s.writeAll(p)
	if err == nil && len(more) > 0 {
		var k int
		k, err = s.writeAll(more)
		n += k
	}
	return n, err
}

// writeAll writes p, or returns an error.
func (s *portable) writeAll(p []byte) (int, error) {
	n, err := s.nc.Write(p)
	if n > 0 {
		s.hasOpened()
	}
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// isTimeout reports whether a deadline made I/O fail.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
