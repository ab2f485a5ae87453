package wstest

import (
	"errors"
	"net"
	"sync"
	"time"
)

// BadDeadlines wrap a net.Conn whose deadlines work in one whose deadlines do not, each in a way of its own.
var BadDeadlines = map[string]func(net.Conn) net.Conn{
	"fail":       func(nc net.Conn) net.Conn { return &badDeadlines{Conn: nc, set: failDeadline} },
	"do nothing": func(nc net.Conn) net.Conn { return &badDeadlines{Conn: nc, set: ignoreDeadline} },
	"block": func(nc net.Conn) net.Conn {
		return &badDeadlines{Conn: nc, set: blockDeadline, closed: make(chan struct{})}
	},
}

// badDeadlines is a net.Conn that sets its deadlines in its own way.
type badDeadlines struct {
	net.Conn
	set    func(b *badDeadlines) error
	once   sync.Once
	closed chan struct{}
}

func failDeadline(*badDeadlines) error   { return errors.New("deadline not supported") }
func ignoreDeadline(*badDeadlines) error { return nil }
func blockDeadline(b *badDeadlines) error {
	<-b.closed
	return net.ErrClosed
}

// SetDeadline implements [net.Conn].
func (b *badDeadlines) SetDeadline(time.Time) error { return b.set(b) }

// SetReadDeadline implements [net.Conn].
func (b *badDeadlines) SetReadDeadline(time.Time) error { return b.set(b) }

// SetWriteDeadline implements [net.Conn].
func (b *badDeadlines) SetWriteDeadline(time.Time) error { return b.set(b) }

// Close implements [net.Conn]. It ends whatever blocks.
func (b *badDeadlines) Close() error {
	if b.closed != nil {
		b.once.Do(func() { close(b.closed) })
	}
	return b.Conn.Close()
}

// BlocksDeadlines reports whether no deadline can be set without waiting for Close.
func (b *badDeadlines) BlocksDeadlines() bool { return b.closed != nil }

// CloseWrite closes the writing side alone.
func (b *badDeadlines) CloseWrite() error {
	return b.Conn.(interface{ CloseWrite() error }).CloseWrite()
}
