package websocket

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/internal/ctxmutex"
)

// NetConn returns the connection as a net.Conn. Each Write is a message of the given type; the ends of messages mean nothing to
// Read. There is no limit to what is read any longer. ctx bounds all calls: if it ends, the connection is closed.
//
// A close frame with [StatusNormalClosure] or [StatusGoingAway] is io.EOF to Read. A message of the other type closes the
// connection with [StatusUnsupportedData]. Close closes it with StatusNormalClosure; it does not wait for the peer's answer
// if a Read or a Write is under way, which then fails.
//
// A deadline that passes during a call closes the connection. Before a call it fails that, until the deadline is moved. The
// addresses of a connection that [Dial] has made are not known.
func NetConn(ctx context.Context, c *Conn, msgType MessageType) net.Conn {
	c.SetReadLimit(-1)
	n := &netConn{c: c, typ: msgType}
	n.read.ctx, n.read.end = context.WithCancel(ctx)
	n.write.ctx, n.write.end = context.WithCancel(ctx)
	return n
}

type netConn struct {
	c           *Conn
	typ         MessageType
	read, write direction

	// For the call that reads.
	r   io.Reader // of the current message, or nil
	eof bool
}

// direction is one direction of a netConn.
type direction struct {
	turn ctxmutex.Mutex // held during a call
	ctx  context.Context
	end  context.CancelFunc
	late atomic.Bool // the deadline has passed

	mu    sync.Mutex // guards timer
	timer *time.Timer
}

// set moves the deadline.
func (d *direction) set(t time.Time) {
	d.stop()
	d.late.Store(false)
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.pass()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = time.AfterFunc(left, d.pass)
}

// pass is called when the deadline passes.
func (d *direction) pass() {
	d.late.Store(true)
	if d.turn.Held() {
		d.end()
	}
}

func (d *direction) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}

// begin begins a call. Calls wait for each other.
func (d *direction) begin() error {
	if err := d.turn.Lock(context.Background(), nil); err != nil {
		return err
	}
	if d.late.Load() {
		d.turn.Unlock()
		return context.DeadlineExceeded
	}
	return nil
}

// error is the error of a call: that of the deadline, if that was why.
func (d *direction) error(err error) error {
	if d.late.Load() && d.ctx.Err() != nil {
		return context.DeadlineExceeded
	}
	return err
}

func (n *netConn) Read(p []byte) (int, error) {
	if err := n.read.begin(); err != nil {
		return 0, fmt.Errorf("failed to read: %w", err)
	}
	defer n.read.turn.Unlock()
	for {
		k, err := n.readSome(p)
		if k > 0 || err != nil || len(p) == 0 {
			return k, err
		}
	}
}

// readSome reads from the current message, or the next one. It may be that there is nothing in it.
func (n *netConn) readSome(p []byte) (int, error) {
	if n.eof {
		return 0, io.EOF
	}
	if n.r == nil {
		if err := n.next(); err != nil {
			return 0, err
		}
	}
	k, err := n.r.Read(p)
	if err == io.EOF {
		n.r, err = nil, nil
	}
	return k, n.read.error(err)
}

// next waits for the next message.
func (n *netConn) next() error {
	typ, r, err := n.c.Reader(n.read.ctx)
	if status := CloseStatus(err); status == StatusNormalClosure || status == StatusGoingAway {
		n.eof = true
		return io.EOF
	}
	if err != nil {
		return n.read.error(err)
	}
	if typ != n.typ {
		err := fmt.Errorf("unexpected frame type read (expected %v): %v", n.typ, typ)
		n.c.Close(StatusUnsupportedData, err.Error())
		return err
	}
	n.r = r
	return nil
}

func (n *netConn) Write(p []byte) (int, error) {
	if err := n.write.begin(); err != nil {
		return 0, fmt.Errorf("failed to write: %w", err)
	}
	defer n.write.turn.Unlock()
	if err := n.c.Write(n.write.ctx, n.typ, p); err != nil {
		return 0, n.write.error(err)
	}
	return len(p), nil
}

// Close ends calls that are under way, and then does not wait for the peer.
func (n *netConn) Close() error {
	n.read.stop()
	n.write.stop()
	defer n.end()
	if !n.read.turn.Held() && !n.write.turn.Held() {
		return n.c.Close(StatusNormalClosure, "")
	}
	return n.c.leave(StatusNormalClosure, n.write.turn.Held(), n.end)
}

// end ends what contexts bound.
func (n *netConn) end() {
	n.read.end()
	n.write.end()
}

func (n *netConn) LocalAddr() net.Addr {
	if n.c.has(anonymous) {
		return unknownAddr{}
	}
	return n.c.c.LocalAddr()
}

func (n *netConn) RemoteAddr() net.Addr {
	if n.c.has(anonymous) {
		return unknownAddr{}
	}
	return n.c.c.RemoteAddr()
}

func (n *netConn) SetDeadline(t time.Time) error {
	n.write.set(t)
	n.read.set(t)
	return nil
}

func (n *netConn) SetReadDeadline(t time.Time) error {
	n.read.set(t)
	return nil
}

func (n *netConn) SetWriteDeadline(t time.Time) error {
	n.write.set(t)
	return nil
}
