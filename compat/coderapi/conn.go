package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

const (
	defaultReadLimit = 32 << 10        // bytes
	closeTimeout     = 5 * time.Second // for the closing handshake
	maxReason        = 123             // bytes (RFC 6455, section 5.5)
)

// Conn is a WebSocket connection. One goroutine at a time may call Reader and Read; everything else may be called from any
// goroutine.
//
// Always have one reading: that is how pings are answered, and how the end of the connection is noticed. Where no messages are
// expected, [Conn.CloseRead] does it.
//
// A context that ends while a call that reads or writes waits closes the connection.
type Conn struct {
	c *conn.Conn

	limit    atomic.Int64  // of SetReadLimit
	reader   messageReader // of the current message
	readBy   *readContext  // nil unless there are callbacks
	writers  atomic.Int32  // that are open, or wait for others
	closing  atomic.Bool   // by this side, or by the peer's close frame
	finished atomic.Bool   // closed, and who read was told
	flags    atomic.Uint32

	background struct {
		sync.Mutex
		ctx  context.Context // of CloseRead
		done chan struct{}   // closed when nothing of it is left
	}
}

// The bits of Conn.flags.
const (
	anonymous uint32 = 1 << iota // NetConn shows no addresses
	abandoned                    // CloseRead has seen the end, and closed the connection
	cut                          // a context has ended a call that reads, and closed the connection
)

func (c *Conn) has(flag uint32) bool { return c.flags.Load()&flag != 0 }

// readContext is the context of the call that reads, for callbacks.
type readContext struct {
	ctx atomic.Pointer[context.Context]
}

func (r *readContext) context() context.Context {
	if ctx := r.ctx.Load(); ctx != nil {
		return *ctx
	}
	return context.Background()
}

// config returns the engine's configuration for c, which calls ping and pong; either may be nil.
func (c *Conn) config(
	ping func(context.Context, []byte) bool, pong func(context.Context, []byte), checkUTF8 bool,
) conn.Config {
	c.limit.Store(defaultReadLimit)
	cfg := conn.Config{
		ReadLimit:    defaultReadLimit,
		MaxFragments: -1,
		CloseTimeout: closeTimeout,
		SkipUTF8:     !checkUTF8,
		ReuseReader:  true,
		FailFast:     closeTimeout,
		FragmentSize: 4 << 10, // as much as coder/websocket holds back of what a Writer writes
	}
	if ping == nil && pong == nil {
		return cfg
	}
	r := new(readContext)
	c.readBy = r
	if ping != nil {
		cfg.OnPing = func(_ *conn.Conn, payload []byte) (bool, error) { return ping(r.context(), payload), nil }
	}
	if pong != nil {
		cfg.OnPong = func(_ *conn.Conn, payload []byte) error { pong(r.context(), payload); return nil }
	}
	return cfg
}

// Subprotocol returns what the handshake has agreed to, or "".
func (c *Conn) Subprotocol() string { return c.c.Subprotocol() }

// SetReadLimit sets the longest message that is accepted, in bytes: 32768 by default. For a longer one, the peer is told
// [StatusMessageTooBig], and calls that read return [ErrMessageTooBig]. A negative value sets no limit.
func (c *Conn) SetReadLimit(n int64) {
	c.limit.Store(n)
	if n == 0 {
		n = 1 // the engine's 0 is its default
	}
	c.c.SetReadLimit(n)
}

// Ping sends a ping and waits for its pong, which another goroutine must read. If ctx ends while it waits for the pong, the
// connection goes on.
func (c *Conn) Ping(ctx context.Context) error {
	_, err := c.c.Ping(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, conn.ErrNobodyReads), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return fmt.Errorf("failed to ping: failed to wait for pong: %w", ctx.Err())
	}
	return fmt.Errorf("failed to ping: %w", sendError(err))
}

// CloseRead reads in the background where no more messages are expected, so that pings are answered and the end is noticed. The
// context that it returns ends when the connection does. If ctx ends, or a message comes, which is a policy violation, the
// connection is closed. Further calls return the same context.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	b := &c.background
	b.Lock()
	defer b.Unlock()
	if b.ctx != nil {
		return b.ctx
	}
	c.keepContext(ctx)
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithCancel(ctx)
	b.done = make(chan struct{})
	context.AfterFunc(c.c.CloseRead(b.ctx), func() {
		defer close(b.done)
		c.flags.Or(abandoned)
		c.ended()
		cancel()
	})
	return b.ctx
}

// keepContext keeps the context of a call that reads, for callbacks.
func (c *Conn) keepContext(ctx context.Context) {
	if c.readBy != nil {
		kept := ctx // so that only this is on the heap
		c.readBy.ctx.Store(&kept)
	}
}

// ended closes the network of a connection that has ended, or that a context has, and returns when nothing of it is left. A peer that
// has broken a rule has some time to close first, unless this side closes.
func (c *Conn) ended() {
	if c.finished.Load() { // nothing is
		return
	}
	if end, ok := c.c.Err().(*conn.CloseError); !ok || !brokeRule(end) {
		c.c.CloseNow()
	}
	if end, ok := c.c.Err().(*conn.CloseError); ok && closeCame(end) {
		c.closing.Store(true)
	}
	c.finished.Store(true)
}

// awaitRest returns when nothing is left of a connection that this side has closed: neither of what CloseRead has started, nor of the
// wait for a peer that has broken a rule.
func (c *Conn) awaitRest() {
	c.c.CloseNow()
	b := &c.background
	b.Lock()
	done := b.done
	b.Unlock()
	if done != nil {
		<-done
	}
}

// Close closes the connection with the closing handshake: it sends a close frame, waits up to 5 seconds for the peer's, and
// closes the network. What comes meanwhile is dropped. If this is not the first call that closes, it waits for that, and returns
// an error that is [net.ErrClosed]. reason has at most 123 bytes.
func (c *Conn) Close(code StatusCode, reason string) error {
	if c.closing.Swap(true) {
		c.await()
		return fmt.Errorf("failed to close WebSocket: %w", net.ErrClosed)
	}
	late := c.has(abandoned) // before this call, which is then not the one that closes it
	err := c.shake(code, reason)
	c.ended()
	c.awaitRest()
	if err == nil || late || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("failed to close WebSocket: %w", err)
}

// leave closes the connection with a close frame, and does not wait for the peer's. If another call is blocked writing, the frame
// may be lost. end ends what else is under way.
func (c *Conn) leave(code StatusCode, blocked bool, end func()) error {
	if c.closing.Swap(true) {
		c.await()
		return fmt.Errorf("failed to close WebSocket: %w", net.ErrClosed)
	}
	if c.c.SendClose(conn.StatusCode(code), "") == nil && !blocked {
		c.flush()
	}
	end()
	c.ended()
	c.awaitRest()
	return nil
}

// flush waits until a close frame is on the wire, up to the time that a peer has to answer one.
func (c *Conn) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	c.c.Flush(ctx)
}

// shake does the closing handshake.
func (c *Conn) shake(code StatusCode, reason string) error {
	wire := conn.StatusCode(code)
	if code == StatusNoStatusRcvd {
		reason = "" // which cannot be sent
	}
	if StatusCode(wire) != code || code != StatusNoStatusRcvd && !wire.ValidOnWire() {
		c.c.CloseNow()
		return fmt.Errorf("failed to marshal close frame: status code %v cannot be set", code)
	}
	if len(reason) > maxReason {
		err := c.c.SendClose(wire, reason) // what fits; nobody waits for the answer
		c.flush()
		c.c.CloseNow()
		return fmt.Errorf("failed to marshal close frame: %w", err)
	}
	err := c.c.Close(wire, reason)
	var end *conn.CloseError
	switch errors.As(c.c.Err(), &end); {
	case end.WasClean && StatusCode(end.Code) != code:
		return received(end)
	case end.WasClean: // also where a reason that is no text was mended
		return nil
	case errors.Is(end, conn.ErrMessageTooBig): // nobody would have read it
		return nil
	case err != nil:
		return c.endError(end)
	}
	return nil
}

// CloseNow closes the network without a closing handshake. If the connection was closed before, the error is [net.ErrClosed].
func (c *Conn) CloseNow() error {
	if c.closing.Swap(true) {
		c.await()
		return fmt.Errorf("failed to immediately close WebSocket: %w", net.ErrClosed)
	}
	c.ended()
	c.awaitRest()
	return nil
}

// await waits until a connection that is being closed has ended.
func (c *Conn) await() {
	<-c.c.Done()
	c.awaitRest()
}
