package conn

import (
	"net"
	"sync/atomic"
	"time"
	"unique"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/ctxmutex"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// Conn is one end of a WebSocket connection over a net.Conn, whose deadlines need not work. [Client] and [Server] make one.
//
// Only one goroutine may read at a time; everything else may be called from any goroutine at any time. There should always be
// one that reads: reading also answers pings and notices the end of the connection. Every Conn must be ended with [Conn.Close]
// or [Conn.CloseNow], even after an error.
//
// An idle Conn takes less than 400 bytes of memory, apart from the net.Conn, the goroutine and the histories of compression.
type Conn struct {
	nc        net.Conn
	transport transport
	settings  unique.Handle[settings]
	calls     interrupt.Calls            // what contexts cut
	beat      *heartbeat                 // nil if it is off
	end       atomic.Pointer[CloseError] // how the connection ended; nil until it has

	// Receiving. Whoever holds the mutex owns the fields up to the next blank line. Anybody may call Receiver.SetLimit.
	reading  ctxmutex.Mutex
	in       readBuffer
	receiver protocol.Receiver
	read     readState

	out   sendQueue
	hooks *endHook // whom to tell when the connection has ended; guarded by out.mu
	cold  *cold    // what few connections need, made when it is needed; guarded by out.mu
}

// settings are what a connection remembers of its Config. Most have the same, and share it.
type settings struct {
	subprotocol  string
	closeTimeout time.Duration
	sendQueue    int
	fragment     int            // Config.FragmentSize
	failFast     time.Duration  // Config.FailFast
	netDeadlines bool           // Config.NetDeadlines
	deflate      deflate.Params // of compression, if compressed
	compressed   bool
	observer     *Observer
}

// hooks are what a Config has to be called when control frames come; nil where there is nothing.
type hooks struct {
	ping  func(*Conn, []byte) (bool, error)
	pong  func(*Conn, []byte) error
	close func(*Conn, StatusCode, string) (StatusCode, string, error)
}

// cold is what most connections do without. All of it is guarded by out.mu.
type cold struct {
	closing protocol.Closing // the way from open to closed
	clock   nonblock.Timer   // for the deadline of closing
	refusal *WriteError      // why nothing more can be sent; nil until a write fails
	pings   []*ping          // pings that wait for their pong, oldest first
	dead    chan struct{}    // closed once Conn.end is set; nil until somebody asks

	learning   chan struct{}   // closed when expire has read what there was; nil until it does
	lingering  *linger         // waits for the server to close TCP; nil until it does
	background *ctxmutex.Mutex // held by the goroutine of CloseRead; nil until there is one
	listening  func() error    // while CloseRead holds Conn.reading, whether its context has ended

	deferred      []outgoing // what Send took while somebody had the turn
	deferredBytes int        // of their frames
	closeFrame    *closeFrame
	parting       bool        // the connection has ended, and is still to be released
	tookTurn      bool        // Close has taken the turn from a Writer that had not sent anything
	corkTimer     *time.Timer // bounds how long corked frames wait
	corkArmed     bool        // it is set

	value any // Conn.SetValue

	// blockedSince is when an event loop began to wait until more can be written, if that is observed; 0 while it does not.
	blockedSince time.Duration
}

// coldState returns c.cold, making it if necessary. The caller holds out.mu.
func (c *Conn) coldState() *cold {
	if c.cold == nil {
		c.cold = &cold{closing: protocol.Closing{
			Role: c.receiver.Role(), Timeout: c.settings.Value().closeTimeout, Local: net.ErrClosed,
		}}
	}
	return c.cold
}

// Client returns the client's end of a connection whose opening handshake is done, with n as its result. It masks what it
// sends. n and cfg may be nil. The Conn owns nc.
func Client(nc net.Conn, n *Negotiated, cfg *Config) *Conn { return newConn(nc, frame.Client, n, cfg) }

// Server returns the server's end of a connection whose opening handshake is done, with n as its result. n and cfg may be nil.
// The Conn owns nc.
func Server(nc net.Conn, n *Negotiated, cfg *Config) *Conn { return newConn(nc, frame.Server, n, cfg) }

func newConn(nc net.Conn, role frame.Role, n *Negotiated, cfg *Config) *Conn {
	c := new(Conn)
	c.init(nc, role, n, cfg, nil)
	return c
}

// nothingNegotiated and defaults stand for nil. Nobody writes to them.
var (
	nothingNegotiated Negotiated
	defaults          Config
)

// init makes c, which is zero, a connection. driven is its transport if an event loop drives it, or nil.
func (c *Conn) init(nc net.Conn, role frame.Role, n *Negotiated, cfg *Config, driven *driven) {
	if n == nil {
		n = &nothingNegotiated
	}
	if cfg == nil {
		cfg = &defaults
	}
	c.nc = nc
	c.settings = cfg.settings(n) // here, because it goes deep, and setUp has much on the stack: see freshstack.go
	c.setUp(role, n, cfg, driven)
}

// setUp is the rest of init.
func (c *Conn) setUp(role frame.Role, n *Negotiated, cfg *Config, driven *driven) {
	if cfg.OnPing != nil || cfg.OnPong != nil || cfg.OnClose != nil {
		// Not in the settings: functions are not equal, so that no two connections could share them.
		c.read.hold().hooks = &hooks{ping: cfg.OnPing, pong: cfg.OnPong, close: cfg.OnClose}
	}
	if driven != nil {
		c.transport = driven
	} else {
		c.transport = newTransport(c.nc, &c.in)
	}
	c.read.reuses = cfg.ReuseReader
	if len(n.Buffered) > 0 {
		c.in.buf = buffer.Borrow(n.Buffered)
	}
	options := n.protocol(role, cfg)
	c.receiver.Init(&options)
	c.out.sender.Init(&options)
	c.receiver.SetOutput(nil)
	c.observe(cfg.Observer)
	if driven == nil { // else there are few goroutines, whose stacks matter little
		in, out := n.growth(role)
		c.read.growth = in
		c.out.hot.set(uint32(out))
	}
	if cfg.PingInterval > 0 || cfg.IdleTimeout > 0 {
		c.startHeartbeat(cfg.PingInterval, cfg.IdleTimeout)
	}
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
	if c.cold != nil && (c.cold.closing.Begun() || c.out.refused) {
		return StateClosing
	}
	return StateOpen
}

// Done returns a channel that is closed when the connection has ended, for whatever reason. [Conn.Err] says which.
func (c *Conn) Done() <-chan struct{} {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.done()
}

// done is Done for a caller that holds out.mu.
func (c *Conn) done() <-chan struct{} {
	r := c.coldState()
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

// ended prefers how the connection ended, if it has, to err.
func (c *Conn) ended(err error) error {
	if e := c.end.Load(); e != nil {
		return e
	}
	return err
}

// Subprotocol returns what the opening handshake agreed to (§1.9), or "".
func (c *Conn) Subprotocol() string { return c.settings.Value().subprotocol }

// Deflate returns the parameters of compression that the opening handshake agreed to (RFC 7692 §7.1), for either role; ok
// is false if messages are not compressed.
func (c *Conn) Deflate() (params deflate.Params, ok bool) {
	s := c.settings.Value()
	return s.deflate, s.compressed
}

// SetReadLimit changes Config.ReadLimit, the length of the longest message in bytes, for frames that arrive from now on. 0
// stands for [DefaultReadLimit]; a negative value means no limit.
func (c *Conn) SetReadLimit(limit int64) { c.receiver.SetLimit(limit) }

// NetConn returns the underlying net.Conn, for its addresses and socket options. Do not read from it, write to it or set its
// deadlines: that breaks the connection.
func (c *Conn) NetConn() net.Conn { return c.nc }

// LocalAddr returns the local address of the net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the peer's address, as the net.Conn has it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// sendable returns why nothing more may be sent, or nil. The caller holds mu.
func (c *Conn) sendable() error {
	if e := c.end.Load(); e != nil {
		return e
	}
	if c.cold != nil && c.cold.closing.SentClose() {
		return closeSentError{own: c.cold.closing.Own()}
	}
	return c.refusal()
}

// refusal returns the error of the network if that has refused a write, or how the connection has ended. The caller holds
// mu.
func (c *Conn) refusal() error {
	if e := c.end.Load(); e != nil {
		return e
	}
	if c.out.refused {
		return c.cold.refusal
	}
	return nil
}
