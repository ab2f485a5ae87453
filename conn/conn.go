package conn

import (
	"net"
	"sync/atomic"

	"github.com/seed60239977/websocket/frame"
)

// Conn is one end of a WebSocket connection: messages over a net.Conn. [Client] and [Server] make one.
//
// One goroutine at a time reads; everything else may be called from any goroutine at any time. Somebody should always be
// reading: that is how pings are answered and how the end of the connection is noticed. Every Conn must be ended by
// [Conn.Close] or [Conn.CloseNow], also after an error.
type Conn struct {
	nc   net.Conn
	role frame.Role
	cfg  Config
	src  source

	// Receiving. Whoever holds the slot owns the fields up to the next blank line.
	reading slot
	in      input
	recv    receiver
	read    readState
	readCut cut

	out     output   // sending
	closing closing  // the way from open to closed
	pings   pingList // pings that wait for their pong

	beat *heartbeat // nil if it is off

	background slot // held by the goroutine of CloseRead

	end  atomic.Pointer[CloseError] // how the connection ended; nil until it has
	dead chan struct{}              // closed right after end is set
}

// Client returns the client's end of a connection whose opening handshake is done. It masks what it sends. cfg may be
// nil. The Conn owns nc from now on.
func Client(nc net.Conn, cfg *Config) *Conn { return newConn(nc, frame.Client, cfg) }

// Server returns the server's end of a connection whose opening handshake is done. cfg may be nil. The Conn owns nc from
// now on.
func Server(nc net.Conn, cfg *Config) *Conn { return newConn(nc, frame.Server, cfg) }

func newConn(nc net.Conn, role frame.Role, cfg *Config) *Conn {
	c := &Conn{nc: nc, role: role, cfg: cfg.withDefaults(), dead: make(chan struct{})}
	c.src = newSource(nc)
	c.in.src = c.src
	if len(c.cfg.Buffered) > 0 {
		c.in.buf = &buffer{b: c.cfg.Buffered, foreign: true}
		c.cfg.Buffered = nil
	}
	newReceiver(&c.recv, role, &c.cfg)
	if d := c.cfg.Deflate; d != nil {
		c.out.deflater = d.Compressor(role == frame.Server, c.cfg.DeflateOptions)
	}
	c.readCut.nc = nc
	c.out.cut.nc, c.out.cut.write = nc, true
	if c.cfg.PingInterval > 0 || c.cfg.IdleTimeout > 0 {
		c.startHeartbeat()
	}
	return c
}

// State is the phase of a connection. The numbers are those of a browser's WebSocket.readyState.
type State uint8

// The states. A Conn is never [StateConnecting]: it exists once the opening handshake is done.
const (
	StateConnecting State = iota
	StateOpen
	StateClosing // a close frame was sent or received
	StateClosed  // the network connection is closed; every call returns the same *CloseError
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
	if c.closing.sent || c.closing.received {
		return StateClosing
	}
	return StateOpen
}

// Done returns a channel that is closed when the connection has ended, for whatever reason. [Conn.Err] says which.
func (c *Conn) Done() <-chan struct{} { return c.dead }

// Err returns nil until the connection has ended, and from then on the *[CloseError] that every call returns.
func (c *Conn) Err() error {
	if e := c.end.Load(); e != nil {
		return e
	}
	return nil
}

// Subprotocol returns what the opening handshake agreed to (§1.9), or "".
func (c *Conn) Subprotocol() string { return c.cfg.Subprotocol }

// SetReadLimit changes Config.ReadLimit for frames that come from now on: the longest message in octets, at least 0; a
// negative limit is none.
func (c *Conn) SetReadLimit(limit int64) { c.recv.limit.Store(limit) }

// NetConn returns the underlying net.Conn, for looking at addresses and socket options. Reading from it, writing to it
// and setting its deadlines breaks the connection.
func (c *Conn) NetConn() net.Conn { return c.nc }

// LocalAddr returns the local address of the net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the peer's address, as the net.Conn has it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }
