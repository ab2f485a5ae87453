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

// Events are called for the connections of a [Loop]. All may be nil. Calls for one connection come one after the other, in
// order; those for different connections may come at the same time. A call that blocks or computes for long holds back its own
// connection and no other.
type Events struct {
	// Open is called before the first Message. ctx is what came with the connection, or context.Background.
	Open func(ctx context.Context, c *conn.Conn)

	// Message is called for each message. m.Data is valid, and may be changed, until it returns. While more messages have
	// already arrived, what it writes is gathered and goes out in one write, as with [conn.Conn.Serve]. An error closes the
	// connection with StatusInternalError, unless the connection is closing already.
	Message func(c *conn.Conn, m conn.Message) error

	// Close is the last call. err is the error of Message, if there was one, or else how the connection ended, which
	// [conn.Conn.Err] says in any case.
	Close func(c *conn.Conn, err error)
}

// Options configures a [Loop]. The zero value, and nil, are right for most.
type Options struct {
	// Shards is how many goroutines wait for the network, each for its part of the connections. 0 stands for
	// runtime.GOMAXPROCS.
	Shards int

	// ErrorLog is told of panics in callbacks, and of connections that cannot be accepted. Nil stands for the standard logger.
	ErrorLog *log.Logger
}

// ErrLoopClosed is returned once Shutdown was called. It matches net.ErrClosed.
var ErrLoopClosed error = loopClosed{}

type loopClosed struct{}

func (loopClosed) Error() string        { return "websocket: the event loop is shut down" }
func (loopClosed) Is(target error) bool { return target == net.ErrClosed }

// Loop drives any number of connections with few goroutines. Its methods may be called from any goroutine. [New] makes one,
// and Shutdown must end it.
type Loop struct {
	shards []*shard
	log    *log.Logger
	next   atomic.Uint32 // the shard of the next connection

	mu         sync.Mutex
	live       int // sockets, listeners, and connections with a goroutine
	goroutines map[*conn.Conn]struct{}
	down       bool
	closing    chan struct{} // closed when down
	idle       chan struct{} // closed when down and nothing is left
	over       bool          // idle is closed
	workers    sync.WaitGroup
}

// New returns a loop whose goroutines run. On systems without epoll and kqueue there are none: every connection gets a goroutine.
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
func (l *Loop) shard() *shard { return l.shards[int(l.next.Add(1))%len(l.shards)] }

// Attach makes a WebSocket connection of a network connection whose opening handshake is done and has settled n, and
// drives it. ctx is for Events.Open. n and cfg may be nil. The loop owns nc from now on, also if there is an error, which is
// [ErrLoopClosed] or the system's.
//
// Where nc is a socket, and the system has epoll or kqueue, nc is closed and the connection goes on with a descriptor of
// its own; [conn.Conn.EventDriven] tells. Everything else, such as TLS, gets a goroutine that waits.
func (l *Loop) Attach(ctx context.Context, nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *conn.Config, e *Events) (*conn.Conn, error) {
	fd, ok := l.take(nc)
	if !ok {
		return l.attachGoroutine(ctx, nc, role, n, cfg, e)
	}
	s := newSocket(l.shard(), nil)
	if err := s.fd.Init(fd); err != nil {
		s.fd.Close()
		return nil, err
	}
	return s.attach(ctx, role, n, cfg, e)
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
	if !l.down {
		l.live++
	}
	return !l.down
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
	if l.down && l.live == 0 && !l.over {
		l.over = true
		close(l.idle)
		for _, h := range l.shards {
			h.wake()
		}
	}
}

// Shutdown accepts no more connections, ends all there are with StatusGoingAway, each behind what was accepted for sending
// before, and returns nil when they have ended, their Events.Close has returned, and the goroutines of the loop are gone. It
// starts no goroutine for each connection. If ctx ends first, Shutdown cuts the connections that are left and returns the error
// of ctx; the goroutines end when the last callback has returned. It may be called more than once.
func (l *Loop) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	first := !l.down
	if first {
		l.down = true
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
		l.each((*Socket).cut, func(c *conn.Conn) { c.CloseNow() })
		return ctx.Err()
	}
	l.workers.Wait()
	return nil
}

// each calls one of the functions for everything there is.
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
func (l *Loop) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// isOver reports whether nothing is left after Shutdown.
func (l *Loop) isOver() bool {
	select {
	case <-l.idle:
		return true
	default:
		return false
	}
}
