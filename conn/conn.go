package conn

import (
	"context"
	"net"
	"sync/atomic"
	"time"
	"unique"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// Conn is one end of a WebSocket connection: messages over a net.Conn, whose deadlines need not work. [Client] and [Server]
// make one.
//
// One goroutine at a time reads; everything else may be called from any goroutine at any time. Somebody should always be
// reading: that is how pings are answered and how the end of the connection is noticed. Every Conn must be ended by
// [Conn.Close] or [Conn.CloseNow], also after an error.
//
// A Conn that waits takes less than 400 octets of memory, besides the net.Conn, the goroutine and the histories of compression.
type Conn struct {
	nc       net.Conn
	src      source
	settings unique.Handle[settings]
	calls    interrupt.Calls
	beat     *heartbeat                 // nil if it is off
	end      atomic.Pointer[CloseError] // how the connection ended; nil until it has

	// Receiving. Whoever holds the slot owns the fields up to the next blank line.
	reading slot
	in      input
	recv    receiver
	read    readState

	out   output   // sending
	hooks *endHook // whom to tell when the connection has ended; guarded by out.mu
	// What few connections need is apart, and made when it is needed. Guarded by out.mu.
	rare *rare
}

// role is safe for everybody: it never changes.
func (c *Conn) role() frame.Role { return c.recv.checker.Role }

// settings are what a connection remembers of its Config. Most have the same, and share it.
type settings struct {
	subprotocol  string
	closeTimeout time.Duration
	sendQueue    int
	fragment     int    // Config.FragmentSize
	hooks        *hooks // nil if there are none
}

// hooks are what a Config has to be called when control frames come.
type hooks struct {
	ping  func(*Conn, []byte) (bool, error)
	pong  func(*Conn, []byte) error
	close func(*Conn, StatusCode, string) (StatusCode, string, error)
}

// hooks returns c's hooks, nil if it has none.
func (c *Config) hooks() *hooks {
	if c.OnPing == nil && c.OnPong == nil && c.OnClose == nil {
		return nil
	}
	return &hooks{c.OnPing, c.OnPong, c.OnClose}
}

// rare is what most connections do without. All of it is guarded by out.mu.
type rare struct {
	closing closing       // the way from open to closed
	refused *WriteError   // why nothing more can be sent; set once, together with output.broken
	pings   []*ping       // pings that wait for their pong, oldest first
	dead    chan struct{} // closed once Conn.end is set; nil until somebody asked for it

	lingering  *linger       // waits for the server to close TCP after a clean end; nil until that
	learning   chan struct{} // closed when expire has read what there was; nil until it does
	background *slot         // held by the goroutine of CloseRead; nil until there is one
	listening  func() error  // while CloseRead holds Conn.reading, whether its context has ended

	kept     *buffer     // see input.kept; nil when the connection has ended
	deferred []outgoing  // what Send took while the last fragment of a message was still to come
	waiting  int         // octets of deferred
	newest   []byte      // payload of the newest ping that found too many pongs pending
	hurry    *time.Timer // bounds how long gathered frames wait
}

// acquire is slot.acquire with the connection's end.
func (c *Conn) acquire(ctx context.Context, s *slot) error {
	if s.tryAcquire() {
		return nil
	}
	return s.wait(ctx, c.Done())
}

// rarely returns c.rare. The caller holds out.mu.
func (c *Conn) rarely() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

// Client returns the client's end of a connection whose opening handshake is done. It masks what it sends. cfg may be
// nil. The Conn owns nc from now on.
func Client(nc net.Conn, cfg *Config) *Conn { return newConn(nc, frame.Client, cfg) }

// Server returns the server's end of a connection whose opening handshake is done. cfg may be nil. The Conn owns nc from
// now on.
func Server(nc net.Conn, cfg *Config) *Conn { return newConn(nc, frame.Server, cfg) }

func newConn(nc net.Conn, role frame.Role, cfg *Config) *Conn {
	full := cfg.withDefaults()
	c := &Conn{nc: nc}
	c.settings = unique.Make(settings{full.Subprotocol, full.CloseTimeout, full.SendQueue, full.FragmentSize, full.hooks()})
	c.src = newSource(nc, &c.in)
	if len(full.Buffered) > 0 {
		c.in.buf = &buffer{b: full.Buffered, foreign: true}
	}
	newReceiver(&c.recv, role, &full)
	if full.Deflate != nil {
		c.out.packer = newPacker(role, &full)
	}
	if full.PingInterval > 0 || full.IdleTimeout > 0 {
		c.startHeartbeat(full.PingInterval, full.IdleTimeout)
	}
	return c
}

// State is the phase of a connection. The numbers are those of a browser's WebSocket.readyState.
type State uint8

// The states. A Conn is never [StateConnecting]: it exists once the opening handshake is done.
const (
	StateConnecting State = iota
	StateOpen
	StateClosing // a close frame was sent or received, or the network has refused a write
	StateClosed  // the connection has ended; every call returns the same *CloseError
)

// String returns the name of the state as browsers have it, in lower case.
func (s State) String() string {
	switch s {
	case StateConnecting:
		return "connecting"
	case StateOpen:
		return "open"
	case StateClosing:
		return "closing"
	}
	return "closed"
}

// State returns the phase that the connection is in, like a browser's readyState.
func (c *Conn) State() State {
	if c.end.Load() != nil {
		return StateClosed
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.rare != nil && (c.rare.closing.sent || c.rare.closing.received || c.out.broken) {
		return StateClosing
	}
	return StateOpen
}

// Done returns a channel that is closed when the connection has ended, for whatever reason. [Conn.Err] says which.
func (c *Conn) Done() <-chan struct{} {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	r := c.rarely()
	if r.dead == nil {
		if c.end.Load() != nil {
			return alreadyClosed
		}
		r.dead = make(chan struct{})
	}
	return r.dead
}

// alreadyClosed is for those who ask when it is too late to wait.
var alreadyClosed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Err returns nil until the connection has ended, and from then on the *[CloseError] that every call returns.
func (c *Conn) Err() error {
	if e := c.end.Load(); e != nil {
		return e
	}
	return nil
}

// Subprotocol returns what the opening handshake agreed to (§1.9), or "".
func (c *Conn) Subprotocol() string { return c.settings.Value().subprotocol }

// Deflate returns the parameters of compression that the opening handshake agreed to (RFC 7692 §7.1), for either role; ok
// is false if messages are not compressed.
func (c *Conn) Deflate() (params deflate.Params, ok bool) {
	if p := c.out.packer; p != nil {
		return p.params, true
	}
	return deflate.Params{}, false
}

// SetReadLimit changes Config.ReadLimit for frames that come from now on: the longest message in bytes. 0 stands for
// [DefaultReadLimit]; a negative value sets no limit.
func (c *Conn) SetReadLimit(limit int64) {
	if limit == 0 {
		limit = DefaultReadLimit
	}
	c.recv.limit.Store(limit)
}

// NetConn returns the underlying net.Conn, for looking at addresses and socket options. Reading from it, writing to it
// and setting its deadlines breaks the connection.
func (c *Conn) NetConn() net.Conn { return c.nc }

// LocalAddr returns the local address of the net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the peer's address, as the net.Conn has it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }
