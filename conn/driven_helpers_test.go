package conn_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/internal/wstest"
)

// driver is a way to drive a connection. A contract that both keep is tested with both: withDrivers.
type driver struct {
	name string
	open func(nc net.Conn, role frame.Role, cfg *setup) *conn.Conn
}

var drivers = []driver{{"goroutine", open}, {"event", openDriven}}

// withDrivers runs f in fake time with each driver, once with a server and once with a client under test. An event loop reads
// at any time, so f must not depend on that nobody does; what it has read, receive returns.
func withDrivers(t *testing.T, cfg *setup, f test) {
	t.Helper()
	withDriversOver(t, cfg, 0, nil, f)
}

// withDriversOver is withDrivers over a pipe that holds size bytes in each direction; wrap, if there is one, stands between the
// pipe and the connection.
func withDriversOver(t *testing.T, cfg *setup, size int, wrap func(*wstest.End) net.Conn, f test) {
	t.Helper()
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) { inBothRolesBy(t, d.open, cfg, size, wrap, f) })
	}
}

// inBothRolesBy runs f in fake time with a server and a client, which open makes.
func inBothRolesBy(t *testing.T, open func(net.Conn, frame.Role, *setup) *conn.Conn, cfg *setup, size int, wrap func(*wstest.End) net.Conn, f test) {
	t.Helper()
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(size)
				var nc net.Conn = near
				if wrap != nil {
					nc = wrap(near)
				}
				c := open(nc, role, cfg)
				defer far.Close()
				defer c.CloseNow()
				f(t, c, wstest.NewPeer(t, far, other(role)))
			})
		})
	}
}

// receive returns the next message of a connection, whatever drives it.
func receive(ctx context.Context, c *conn.Conn) (conn.MessageType, []byte, error) {
	if l, ok := c.NetConn().(*eventLoop); ok {
		return l.receive(ctx)
	}
	return c.Read(ctx)
}

// reading keeps somebody reading from c until the connection ends, and returns the error that ends it.
func reading(c *conn.Conn) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			if _, _, err := receive(context.Background(), c); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// stream is what an event loop needs of a network connection.
type stream interface {
	net.Conn
	CloseWrite() error
	TryRead(p []byte) (int, error)
	TryWrite(p, more []byte) (int, error)
	Writable() bool
}

// eventLoop is the smallest event loop there is: for one connection, with one goroutine, which is there until the network
// connection is closed. Messages are kept for receive.
type eventLoop struct {
	stream
	driven conn.Driven
	memory conn.DrivenMemory
	wake   chan struct{} // has a value if there are jobs
	ready  chan struct{} // has a value if there may be something to read
	closed chan struct{}

	mu      sync.Mutex
	jobs    []func()
	unread  bool // there may be bytes to read
	hungUp  bool // the peer has closed its side
	waits   bool // the connection wants to know when it can write
	shut    bool // closed is closed
	kept    []conn.Message
	arrived chan struct{} // has a value if something was kept
}

// openDriven is open for a connection that an event loop drives. nc is an end of a pipe, or something of package wstest around
// one.
func openDriven(nc net.Conn, role frame.Role, cfg *setup) *conn.Conn {
	if cfg == nil {
		cfg = &setup{}
	}
	l := &eventLoop{
		stream: nc.(stream), wake: make(chan struct{}, 1), ready: make(chan struct{}, 1), closed: make(chan struct{}),
		arrived: make(chan struct{}, 1),
	}
	nc.(interface {
		Notify(readable func(ended bool), writable func())
	}).Notify(l.readable, l.writable)
	l.driven = l.memory.Open(l, role, &cfg.Negotiated, &cfg.Config)
	l.post(l.advance)
	go l.run()
	return l.driven.Conn()
}

func (l *eventLoop) run() {
	for {
		select {
		case <-l.closed:
			return
		case <-l.wake:
		}
		l.mu.Lock()
		jobs := l.jobs
		l.jobs = nil
		l.mu.Unlock()
		for _, job := range jobs {
			job()
		}
	}
}

// post has the loop call job.
func (l *eventLoop) post(job func()) {
	l.mu.Lock()
	l.jobs = append(l.jobs, job)
	l.mu.Unlock()
	nudge(l.wake)
}

// nudge wakes who waits for c, or will.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *eventLoop) readable(ended bool) {
	l.mu.Lock()
	l.unread, l.hungUp = true, l.hungUp || ended
	l.mu.Unlock()
	nudge(l.ready)
	l.post(l.advance)
}

// whatArrived is what is known of that since the turn before.
func (l *eventLoop) whatArrived() (a conn.Arrived) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.hungUp:
		a = conn.ArrivedEnd
	case l.unread:
		a = conn.ArrivedBytes
	}
	l.unread = false
	return a
}

// advance deals with what has arrived.
func (l *eventLoop) advance() {
	for a := l.whatArrived(); ; a = max(l.whatArrived(), conn.ArrivedBytes) {
		p, err := l.driven.Advance(a, l.keep)
		if err != nil {
			panic(err)
		}
		if p != conn.More {
			return
		}
	}
}

func (l *eventLoop) keep(_ *conn.Conn, m conn.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.Data = append([]byte{}, m.Data...)
	l.kept = append(l.kept, m)
	nudge(l.arrived)
	return nil
}

// receive returns the next message that was kept.
func (l *eventLoop) receive(ctx context.Context) (conn.MessageType, []byte, error) {
	c := l.driven.Conn()
	for {
		end, cut := c.Err(), ctx.Err() // all that came before the end is kept
		l.mu.Lock()
		left := len(l.kept) > 0
		if left && cut == nil {
			m := l.kept[0]
			l.kept = l.kept[1:]
			l.mu.Unlock()
			return m.Type, m.Data, nil
		}
		l.mu.Unlock()
		switch {
		case end != nil && !left:
			return 0, nil, end
		case cut != nil:
			return 0, nil, cut
		}
		select {
		case <-l.arrived:
		case <-c.Done():
		case <-ctx.Done():
		}
	}
}

// AwaitRead implements [nonblock.Conn].
func (l *eventLoop) AwaitRead() error {
	select {
	case <-l.ready:
		return nil
	case <-l.closed:
		return net.ErrClosed
	}
}

// AwaitWrite implements [nonblock.Conn].
func (l *eventLoop) AwaitWrite() {
	l.mu.Lock()
	l.waits = true
	l.mu.Unlock()
	if l.stream.Writable() {
		l.writable()
	}
}

func (l *eventLoop) writable() {
	l.mu.Lock()
	waits := l.waits
	l.waits = false
	l.mu.Unlock()
	if waits {
		l.post(l.driven.Writable)
	}
}

// Resume implements [nonblock.Conn].
func (l *eventLoop) Resume() { l.readable(false) }

// Ended implements [nonblock.Conn].
func (l *eventLoop) Ended() { l.post(l.advance) }

// AfterFunc implements [nonblock.Conn].
func (l *eventLoop) AfterFunc(d time.Duration, f func()) nonblock.Timer {
	return time.AfterFunc(d, func() { l.post(f) })
}

// Close closes the connection, once.
func (l *eventLoop) Close() error {
	l.mu.Lock()
	was := l.shut
	l.shut = true
	l.mu.Unlock()
	if was {
		return net.ErrClosed
	}
	err := l.stream.Close()
	close(l.closed)
	return err
}
