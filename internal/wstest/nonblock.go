package wstest

import "errors"

// nonblocking is what an event loop needs of a net.Conn. An [End] has it, and so has what this package wraps around one.
type nonblocking interface {
	CloseWrite() error
	TryRead(p []byte) (int, error)
	TryWrite(p, more []byte) (int, error)
	Writable() bool
	Notify(readable func(ended bool), writable func())
}

// inner returns the next net.Conn of a wrapper, which must be one for an event loop.
func inner(nc any) nonblocking { return nc.(nonblocking) }

// TryRead is Read without waiting. Delays are left out.
func (c *FaultyConn) TryRead(p []byte) (int, error) {
	f := c.next(OpRead)
	switch {
	case f.Short && len(p) > 0:
		n, err := inner(c.Conn).TryRead(p[:1])
		return n, errors.Join(err, f.Err)
	case f.Err != nil:
		return 0, f.Err
	}
	return inner(c.Conn).TryRead(p)
}

// TryWrite is Write without waiting. Delays are left out.
func (c *FaultyConn) TryWrite(p, more []byte) (int, error) {
	f := c.next(OpWrite)
	switch {
	case f.Short:
		n, err := inner(c.Conn).TryWrite(p[:len(p)/2], nil)
		return n, errors.Join(err, f.Err)
	case f.Err != nil:
		return 0, f.Err
	}
	return inner(c.Conn).TryWrite(p, more)
}

// Writable reports whether a write would not wait.
func (c *FaultyConn) Writable() bool { return inner(c.Conn).Writable() }

// Notify has functions called as [End.Notify] does.
func (c *FaultyConn) Notify(readable func(ended bool), writable func()) {
	inner(c.Conn).Notify(readable, writable)
}

// TryRead is Read without waiting.
func (c *RefusingConn) TryRead(p []byte) (int, error) { return inner(c.Conn).TryRead(p) }

// TryWrite is Write without waiting.
func (c *RefusingConn) TryWrite(p, more []byte) (n int, err error) {
	if refused := c.refused.Load(); refused != nil {
		return 0, *refused
	}
	return inner(c.Conn).TryWrite(p, more)
}

// Writable reports whether a write would not wait.
func (c *RefusingConn) Writable() bool { return c.refused.Load() != nil || inner(c.Conn).Writable() }

// Notify has functions called as [End.Notify] does. Being refused is told as room to write, as a poller does.
func (c *RefusingConn) Notify(readable func(ended bool), writable func()) {
	c.writable.Store(&writable)
	inner(c.Conn).Notify(readable, writable)
}

// CloseWrite closes the writing side.
func (c *RefusingConn) CloseWrite() error { return inner(c.Conn).CloseWrite() }

// TryRead is Read without waiting.
func (c *StalledConn) TryRead(p []byte) (int, error) { return inner(c.Conn).TryRead(p) }

// TryWrite is Write without waiting: it takes nothing once writes have stopped.
func (c *StalledConn) TryWrite(p, more []byte) (n int, err error) {
	room := <-c.room
	defer func() { c.room <- room - n }()
	for _, p := range [...][]byte{p, more} {
		k, err := inner(c.Conn).TryWrite(p[:min(room-n, len(p))], nil)
		n += k
		if err != nil || k < len(p) {
			if n == room {
				c.stallOnce.Do(func() { close(c.stalled) })
			}
			return n, err
		}
	}
	return n, nil
}

// Writable reports whether a write would not wait.
func (c *StalledConn) Writable() bool {
	select {
	case <-c.stalled:
		return false
	default:
		return inner(c.Conn).Writable()
	}
}

// Notify has functions called as [End.Notify] does, but nothing is told of room to write: there is none.
func (c *StalledConn) Notify(readable func(ended bool), _ func()) {
	inner(c.Conn).Notify(readable, nil)
}

// CloseWrite closes the writing side.
func (c *StalledConn) CloseWrite() error { return inner(c.Conn).CloseWrite() }
