package event

import (
	"context"
	"log"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
)

// Events are the callbacks for the connections of a [Loop]. Each may be nil. Calls for one connection come in order, one at a
// time; calls for different connections may run at the same time. A callback that blocks or computes for long delays its own
// connection and no other.
type Events struct {
	// Open is called before the first Message. ctx is the context that the connection was made with, or context.Background.
	Open func(ctx context.Context, c *conn.Conn)

	// Message is called for each message. It may change m.Data, which is valid until it returns. If more messages have already
	// arrived, what it writes is collected and sent in one write, as with [conn.Conn.Serve]. An error closes the connection with
	// StatusInternalError, unless the connection is closing already.
	Message func(c *conn.Conn, m conn.Message) error

	// Close is the last call. err is the error of Message if it returned one, and otherwise says how the connection ended, as
	// [conn.Conn.Err] always does.
	Close func(c *conn.Conn, err error)
}

// Options configures a [Loop]. The zero value and nil suit most programs.
type Options struct {
	// Shards is the number of goroutines that wait for the network, each for its share of the connections. 0 stands for
	// runtime.GOMAXPROCS. On Linux, a shard to which messages come less than half a millisecond apart keeps its processor while
	// it waits for the next one, for 4 ms at most: if there are no more processors than shards, other goroutines may have to
	// wait for that long.
	Shards int

	// ErrorLog gets panics of callbacks, and failures to accept connections. Nil stands for the standard logger.
	ErrorLog *log.Logger
}

// ErrLoopClosed is returned after Shutdown was called. It matches net.ErrClosed.
var ErrLoopClosed error = loopClosed{}

type loopClosed struct{}

func (loopClosed) Error() string        { return "websocket: the event loop is shut down" }
func (loopClosed) Is(target error) bool { return target == net.ErrClosed }

// Loop drives any number of connections with a few goroutines. Its methods may be called from any goroutine. Create one with
// [New], and end it with Shutdown.
type Loop struct {
	shards []*shard
	log    *log.Logger
	next   atomic.Uint32 // the shard of the next connection

	mu         sync.Mutex
	live       int // sockets, listeners, and connections with a goroutine
	goroutines map[*conn.Conn]struct{}
	down       atomic.Bool   // changed with mu held, as is cutting
	cutting    atomic.Bool   // down, and a Shutdown does not wait any more
	closing    chan struct{} // closed when down
	idle       chan struct{} // closed when down and nothing is left
	over       bool          // idle is closed
	workers    sync.WaitGroup
}

// New starts a loop and its goroutines. On systems without epoll and kqueue it starts none, and every connection gets a
// goroutine.
func New(o *Options) (*Loop, error) {
	if o == nil {
		o = &Options{}
	}
	n := o.Shards
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if !netpoll.Supported {
		n = 0
	}
	pollers := make([]poller, n)
	for i := range pollers {
		p, err := netpoll.Open()
		if err != nil {
			for _, p := range pollers[:i] {
				p.Close()
			}
			return nil, err
		}
		pollers[i] = sockets{p}
	}
	return newLoop(o, pollers), nil
}

func newLoop(o *Options, pollers []poller) *Loop {
	l := &Loop{log: o.ErrorLog, closing: make(chan struct{}), idle: make(chan struct{}), goroutines: map[*conn.Conn]struct{}{}}
	if l.log == nil {
		l.log = log.Default()
	}
	for _, p := range pollers {
		l.shards = append(l.shards, newShard(l, p))
	}
	for _, h := range l.shards {
		l.workers.Go(h.lead)
	}
	return l
}

// shard returns where the next connection goes.
func (l *Loop) shard() *shard { return l.shards[l.next.Add(1)%uint32(len(l.shards))] }

// Attach turns a network connection whose opening handshake is done into a WebSocket connection, as o says, and drives it. The
// loop owns nc from the call on, even if Attach fails; the error is [ErrLoopClosed] or the system's. Opening.Failed is not called.
//
// If nc is a socket, and the system has epoll or kqueue, nc is closed and the connection goes on with a descriptor of its own;
// [conn.Conn.EventDriven] then returns true. Anything else, such as TLS, gets a goroutine that reads.
func (l *Loop) Attach(nc net.Conn, role frame.Role, o *Opening) (*conn.Conn, error) {
	fd, ok := l.take(nc)
	if !ok {
		return l.attachGoroutine(nc, role, o)
	}
	s := newSocket(l.shard())
	if err := s.fd.Init(fd); err != nil {
		s.fd.Close()
		return nil, err
	}
	return s.attach(role, o)
}

// take returns a descriptor of its own for nc, which it closes, if that is possible.
func (l *Loop) take(nc net.Conn) (fd int, ok bool) {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return 0, false // a type of somebody else's that embeds a TCPConn has methods of its own for a reason
	}
	if len(l.shards) == 0 {
		return 0, false
	}
	fd, err := netpoll.Duplicate(nc)
	if err != nil {
		return 0, false
	}
	nc.Close()
	return fd, true
}

// enter counts something that Shutdown waits for. It reports whether there may be more.
func (l *Loop) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down.Load() {
		return false
	}
	l.live++
	return true
}

// leave is the end of what enter counted.
func (l *Loop) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live--
	l.settle()
}

// settle notices that nothing is left. The caller holds mu.
func (l *Loop) settle() {
	if l.down.Load() && l.live == 0 && !l.over {
		l.over = true
		close(l.idle)
		for _, h := range l.shards {
			h.wake()
		}
	}
}

// Shutdown stops accepting connections and closes all that are open with StatusGoingAway, after what was already accepted for
// sending. It returns nil once all have ended, their Events.Close has returned, and the goroutines of the loop have ended. It
// starts no goroutine per connection, except for those of clients, which wait for their servers to close TCP. If ctx ends first,
// Shutdown cuts the remaining connections and returns the error of ctx; the goroutines end when the last callback has returned.
// Shutdown may be called more than once.
func (l *Loop) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	first := !l.down.Load()
	if first {
		l.down.Store(true)
		close(l.closing)
	}
	l.settle()
	l.mu.Unlock()
	if first {
		l.each((*Socket).goAway, func(c *conn.Conn) { c.SendClose(conn.StatusGoingAway, "") })
	}
	select {
	case <-l.idle:
	case <-ctx.Done():
		l.mu.Lock()
		l.cutting.Store(true)
		l.mu.Unlock()
		l.each((*Socket).cut, func(c *conn.Conn) { c.CloseNow() })
		return ctx.Err()
	}
	l.workers.Wait()
	return nil
}

// each calls one of the functions for everything there is. What is counted but not there yet sees to itself: see catchUp.
func (l *Loop) each(socket func(*Socket), goroutine func(*conn.Conn)) {
	for _, h := range l.shards {
		for _, s := range h.sockets() {
			socket(s)
		}
	}
	l.mu.Lock()
	conns := slices.Collect(maps.Keys(l.goroutines))
	l.mu.Unlock()
	for _, c := range conns {
		goroutine(c)
	}
}

// isDown reports whether Shutdown was called.
func (l *Loop) isDown() bool { return l.down.Load() }

// isOver reports whether nothing is left after Shutdown.
func (l *Loop) isOver() bool {
	select {
	case <-l.idle:
		return true
	default:
		return false
	}
}
