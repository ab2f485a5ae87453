package pipe

import (
	"context"
	"net"
	"sync"
)

// Listener is a [net.Listener] for connections in memory. Inside a testing/synctest bubble all waiting is durable, so that
// an http.Server on it works in fake time.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a listener to which Dial leads.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener, whatever network and address are, once it accepts. It returns [net.ErrClosed] when the
// listener is closed, or the error of ctx.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	near, far := New(0)
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. Connections that were accepted stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return addr{} }
