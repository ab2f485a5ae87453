package event

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/seed60239977/websocket/internal/nonblock"
)

// This file has the methods of Socket that are those of nonblock.Conn, for package conn.

// errThroughConn is returned by what would come between a connection and its loop.
var errThroughConn = errors.New("websocket: an event loop reads from and writes to this connection")

// Read fails: the loop reads.
func (s *Socket) Read([]byte) (int, error) { return 0, errThroughConn }

// Write fails: the connection writes.
func (s *Socket) Write([]byte) (int, error) { return 0, errThroughConn }

// Close closes the descriptor.
func (s *Socket) Close() error {
	if s.has(stateOpened) {
		s.keepEnds() // the system will not know them any more
	}
	if !s.stream().Close() {
		return net.ErrClosed
	}
	s.state.Or(stateClosed)
	s.signal()
	s.shard().remove(s)
	s.leave()
	return nil
}

// LocalAddr returns the address of this end, also once the connection is closed. It is never nil: where the system does not know
// it, it is an address whose String is "unknown". Connections of one listener may share it, so it must not be changed.
func (s *Socket) LocalAddr() net.Addr {
	switch at := s.at.Load(); {
	case at.ended != nil:
		return at.ended.local
	case at.local != nil:
		return at.local
	}
	return known(s.stream().LocalAddr())
}

// RemoteAddr returns the address of the peer, as LocalAddr does. Unless the loop has accepted the connection, and that by IPv4, the
// system is asked, which does not know the address of a peer that has reset the connection.
func (s *Socket) RemoteAddr() net.Addr {
	if at := s.at.Load(); at.ended != nil && at.ended.remote != nil {
		return at.ended.remote
	}
	if peer := s.accepted(); peer.IsValid() {
		return net.TCPAddrFromAddrPort(peer)
	}
	return known(s.stream().RemoteAddr())
}

// known returns a, or what stands for nil.
func known(a net.Addr) net.Addr {
	if a == nil {
		return unknownAddr{}
	}
	return a
}

// unknownAddr is an address that nobody knows.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "unknown" }
func (unknownAddr) String() string  { return "unknown" }

// SetDeadline fails: nothing waits here.
func (s *Socket) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline fails.
func (s *Socket) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline fails.
func (s *Socket) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// CloseWrite closes the writing side alone.
func (s *Socket) CloseWrite() error { return s.stream().CloseWrite() }

// TryRead implements [nonblock.Conn].
func (s *Socket) TryRead(p []byte) (int, error) { return s.stream().TryRead(p) }

// TryWrite implements [nonblock.Conn].
func (s *Socket) TryWrite(p, more []byte) (int, error) { return s.stream().TryWrite(p, more) }

// AwaitRead implements [nonblock.Conn].
func (s *Socket) AwaitRead() error {
	if ready := s.shard().await(s); ready != nil {
		<-ready
	}
	return nil
}

// signal wakes who waits to read.
func (s *Socket) signal() {
	if s.has(stateAwaited) {
		s.shard().signal(s)
	}
}

// AwaitWrite implements [nonblock.Conn].
func (s *Socket) AwaitWrite() { s.shard().poller.Arm(s.stream(), s.shard().token(s)) }

// Resume implements [nonblock.Conn].
func (s *Socket) Resume() { s.post(stateReadable) }

// Ended implements [nonblock.Conn].
func (s *Socket) Ended() { s.post(stateEnded) }

// AfterFunc implements [nonblock.Conn].
func (s *Socket) AfterFunc(d time.Duration, f func()) nonblock.Timer {
	return s.shard().afterFunc(d, f)
}
