package event

import (
	"net"
	"time"

	"github.com/seed60239977/websocket/internal/netpoll"
)

// stream is a network connection that never waits.
type stream interface {
	TryRead(p []byte) (int, error)
	TryWrite(p, more []byte) (int, error)
	CloseWrite() error
	Close() bool
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// poller says which streams are ready. Readiness is reported once, when it begins.
type poller interface {
	Add(s stream, token uint64) error
	Arm(s stream, token uint64)
	Wait(events []netpoll.Event, timeout time.Duration) (int, error)
	Wake()
	Close()
}

// sockets is the poller of the operating system.
type sockets struct{ *netpoll.Poller }

func (p sockets) Add(s stream, token uint64) error {
	if l, ok := s.(listener); ok {
		return p.Poller.Add(&l.FD, token)
	}
	return p.Poller.Add(s.(*netpoll.FD), token)
}

// Arm fails only if the socket is closed, and then nobody waits for it any more.
func (p sockets) Arm(s stream, token uint64) { p.Poller.Arm(s.(*netpoll.FD), token) }
