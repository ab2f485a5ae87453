package browser

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/seed60239977/websocket/frame"
)

// Socket is a browser's WebSocket, as far as a [Conn] uses it. None of its methods waits for the network.
type Socket interface {
	// Send hands a message to the browser, which copies it. Calls do not overlap.
	Send(text bool, p []byte) error
	// Close begins the closing handshake. code is one that [Conn.Carries]; [frame.StatusNoStatus] and no reason for none.
	Close(code frame.StatusCode, reason string) error
	// Buffered returns how many bytes of messages the browser has yet to send.
	Buffered() int
	// Abandon has the browser close, if nobody has, and no event reach the Conn any more. It is called once.
	Abandon()
}

// Data is the payload of a message that came, wherever the browser keeps it.
type Data interface {
	// Len returns how many bytes it has.
	Len() int
	// Copy copies the bytes behind the first n to p, as many as fit, and returns how many that were.
	Copy(p []byte, n int) int
}

// maxBuffered is how many bytes the browser may have yet to send when it is given more. It stands for the send buffer of a
// socket.
const maxBuffered = 256 << 10

// Browsers do not tell when they have sent something, so who waits for that looks again: after the first of these times,
// after twice that, and so on until the last.
const (
	firstLook = time.Millisecond
	lastLook  = 32 * time.Millisecond
)

// errGone is why nothing can be sent: net.ErrClosed would say that this side has closed.
var errGone = errors.New("the browser's WebSocket is closing or closed")

// errNotCarried is what a frame is refused for that [Conn.Carries] would have refused.
var errNotCarried = errors.New("a browser does not send such frames")

// Conn is a net.Conn over a browser's WebSocket that is open, or about to be. Its methods may be called from any goroutine.
// [Conn.Message] and [Conn.Closed] are for the browser's events and never wait.
type Conn struct {
	socket        Socket
	local, remote net.Addr

	writing sync.Mutex // held by the writer; guards out
	out     outbound

	mu        sync.Mutex // guards all below; held for a moment only
	changed   *sync.Cond
	in        inbound
	ended     bool // the close event came
	closed    bool // Close was called
	readStop  deadline
	writeStop deadline
}

// New returns a Conn over socket. The addresses are what LocalAddr and RemoteAddr return.
func New(socket Socket, local, remote net.Addr) *Conn {
	c := &Conn{socket: socket, local: local, remote: remote}
	c.changed = sync.NewCond(&c.mu)
	c.out.checker.Role = frame.Server
	return c
}

// Carries reports whether a browser sends control frames with this opcode, of close frames those with this code. "If code is
// present, but is neither an integer equal to 1000 nor an integer in the range 3000 to 4999, inclusive, throw an
// InvalidAccessError" (WHATWG WebSockets, close); nothing sends pings or pongs.
func (*Conn) Carries(opcode frame.Opcode, code frame.StatusCode) bool {
	return opcode == frame.Close &&
		(code == frame.StatusNormalClosure || code == frame.StatusNoStatus || code >= 3000 && code <= 4999)
}

// Message takes a message that has come.
func (c *Conn) Message(text bool, data Data) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !c.ended {
		c.in.message(text, data)
		c.changed.Broadcast()
	}
}

// Closed takes the browser's close event: how the connection has ended.
func (c *Conn) Closed(code frame.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !c.ended {
		c.in.close(code, reason)
	}
	c.ended = true
	c.changed.Broadcast()
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.readStop.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		}
		if n := c.in.read(p); n > 0 {
			return n, nil
		}
		if c.ended {
			return 0, io.EOF
		}
		c.changed.Wait()
	}
}

// Write implements [net.Conn]. It returns when all messages that end in p are the browser's, which may have about
// [maxBuffered] bytes yet to send.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for n < len(p) {
		if err := c.awaitRoom(); err != nil {
			return n, err
		}
		k, err := c.out.take(p[n:])
		if err == nil && c.out.complete {
			err = c.send()
		}
		if err != nil {
			return n, err // so that what was not sent does not count
		}
		n += k
	}
	return n, nil
}

// send has the browser send the frame that is complete. The caller holds writing.
func (c *Conn) send() error {
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	defer c.out.next()
	switch h := &c.out.header; {
	case h.Opcode == frame.Close && ended: // the browser has answered
		return nil
	case h.Opcode == frame.Close:
		code, reason, err := frame.ParseClose(c.out.control)
		if err != nil {
			return err
		}
		if !c.Carries(frame.Close, code) {
			return errNotCarried
		}
		return c.socket.Close(code, reason)
	case h.Opcode.IsControl():
		return errNotCarried
	case ended:
		return errGone
	case h.Fin:
		return c.socket.Send(c.out.text, c.out.message)
	}
	return nil
}

// awaitRoom waits until the browser may be given more.
func (c *Conn) awaitRoom() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		switch {
		case c.closed:
			return net.ErrClosed
		case c.writeStop.passed():
			return os.ErrDeadlineExceeded
		case c.ended || c.socket.Buffered() <= maxBuffered:
			return nil
		}
		look := time.AfterFunc(pause, c.wake)
		c.changed.Wait()
		look.Stop()
	}
}

// wake has all who wait look again.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// Close implements [net.Conn]. A WebSocket that is still open is closed without a code: a browser cannot drop a connection.
func (c *Conn) Close() error {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.in = inbound{}
	c.readStop.stop()
	c.writeStop.stop()
	c.changed.Broadcast()
	c.mu.Unlock()
	if !was {
		c.socket.Abandon()
	}
	return nil
}

// LocalAddr implements [net.Conn].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readStop, t) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writeStop, t) }

func (c *Conn) setDeadline(d *deadline, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, c.wake)
	}
	c.changed.Broadcast()
	return nil
}

// deadline is guarded by the mu of its Conn.
type deadline struct {
	at    time.Time
	timer *time.Timer // nil if there is nothing to wait for
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// Addr is a net.Addr of network "websocket".
type Addr string

// Network implements [net.Addr].
func (Addr) Network() string { return "websocket" }

// String implements [net.Addr].
func (a Addr) String() string { return string(a) }
