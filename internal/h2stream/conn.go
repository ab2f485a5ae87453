package h2stream

import (
	"io"
	"net"
	"time"
)

// Stream is what a [Conn] is made of.
type Stream struct {
	// Body is what arrives. Close makes a Read that waits return, and is called once.
	Body io.ReadCloser
	// Send sends all of p, or returns an error. It does not keep p. There is one call at a time.
	Send func(p []byte) error
	// Abort resets the stream, in both directions, which makes a Send that waits return. It is called at most once, and
	// does not wait itself.
	Abort func()
	// Unending says that Abort makes a Send that waits return, and does no more: the peer hears of the end of the stream when the
	// handler of its request returns.
	Unending bool
	// End, if not nil, ends this side's direction of the stream in good order. It is called at most once, and not while
	// Send is.
	End func()
	// Local and Remote are the addresses.
	Local, Remote net.Addr
}

// Conn is a net.Conn over a stream. Deadlines interrupt calls and leave the stream as it is: of a Write that was cut,
// the bytes that it counts are sent all the same. A Write returns when its bytes have been handed to the HTTP library,
// which is when the peer's flow control lets them go.
type Conn struct {
	stream Stream
	in     inbound
	out    outbound

	expulsion *time.Timer // resets the stream if its host does not leave; guarded by in.mu
}

// New returns a Conn over s, which it owns from now on.
func New(s Stream) *Conn {
	c := &Conn{stream: s}
	c.in.init()
	c.out.init()
	return c
}

// Read implements net.Conn. Once the peer has ended its direction of the stream it returns io.EOF; if it has reset the
// stream, an error that matches [syscall.ECONNRESET]. What arrived before comes first.
func (c *Conn) Read(p []byte) (int, error) {
	if c.in.claim() {
		go c.in.pump(c.stream.Body)
	}
	return c.in.read(p)
}

// ReadUncut is Read while no deadline is set, neither before nor meanwhile, which it would not heed. Close ends it. As long as
// there are no other calls of Read, it needs no goroutine, and holds no buffer.
func (c *Conn) ReadUncut(p []byte) (int, error) {
	if !c.in.beginDirect() {
		return c.Read(p)
	}
	n, err := c.stream.Body.Read(p)
	return n, c.in.endDirect(n, err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p, c.stream.Send) }

// Close implements net.Conn. It ends the stream in good order if nothing is being written, and resets it otherwise. It
// waits for the goroutines of c, which do not take long.
func (c *Conn) Close() error {
	if !c.in.close() {
		return net.ErrClosed
	}
	aborted := c.out.close()
	if aborted {
		c.stream.Abort()
	}
	c.out.awaitIdle()
	if c.stream.End != nil && c.out.end() {
		c.stream.End()
	}
	c.stream.Body.Close()
	c.left(aborted)
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.stream.Local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.Remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.SetDeadline(t)
	c.out.SetDeadline(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.SetDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.SetDeadline(t)
	return nil
}

// HalfCloser is a Conn whose own direction can be ended alone, which needs Stream.End.
type HalfCloser struct{ *Conn }

// CloseWrite ends this side's direction of the stream, once what was written is on its way. What the peer sends can still
// be read.
func (c HalfCloser) CloseWrite() error {
	if err := c.out.finish(); err != nil {
		return err
	}
	if c.out.end() {
		c.stream.End()
	}
	return nil
}
