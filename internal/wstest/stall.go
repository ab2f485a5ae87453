package wstest

import (
	"net"
	"sync"
)

// StalledConn is a net.Conn whose writes stop for ever in the middle: only Close ends them, no deadline does.
type StalledConn struct {
	net.Conn
	room chan int // how many bytes may still be written; whoever has it writes

	stalled, closed      chan struct{}
	stallOnce, closeOnce sync.Once
}

// Stall wraps nc. The first after bytes are written; then writes stop.
func Stall(nc net.Conn, after int) *StalledConn {
	c := &StalledConn{Conn: nc, room: make(chan int, 1), stalled: make(chan struct{}), closed: make(chan struct{})}
	c.room <- after
	return c
}

// Stalled returns a channel that is closed once a write has stopped.
func (c *StalledConn) Stalled() <-chan struct{} { return c.stalled }

// Write implements [net.Conn].
func (c *StalledConn) Write(p []byte) (int, error) {
	room := <-c.room
	n, err := c.Conn.Write(p[:min(room, len(p))])
	c.room <- room - n
	if err != nil || n == len(p) {
		return n, err
	}
	c.stallOnce.Do(func() { close(c.stalled) })
	<-c.closed
	return n, net.ErrClosed
}

// Close implements [net.Conn].
func (c *StalledConn) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
