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

// poller says which streams are ready. Readiness is reported once, when it begins; that of a listener, for as long as it lasts.
type poller interface {
	Add(s stream, token uint64) error
	Remove(s stream) // which is a listener
	Arm(s stream, token uint64)
	Wait(events []netpoll.Event, timeout time.Duration) (int, error)
	Wake()
	Close()
}

// sockets is the poller of the operating system.
type sockets struct{ *netpoll.Poller }

func (p sockets) Add(s stream, token uint64) error {
	if l, ok := s.(listener); ok {
		return p.Poller.AddListener(&l.FD, token)
	}
	return p.Poller.Add(s.(*netpoll.FD), token)
}

// Remove fails only if the listener is closed.
func (p sockets) Remove(s stream) {
	l := s.(listener)
	p.Poller.Remove(&l.FD)
}

// Arm fails only if the socket is closed, and then nobody waits for it any more.
func (p sockets) Arm(s stream, token uint64) { p.Poller.Arm(s.(*netpoll.FD), token) }
