package event

import (
	"io"
	"log"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// memoryPoller is a poller for pipes, which works in fake time. It tells of each change once, and never for no reason.
type memoryPoller struct {
	mu     sync.Mutex
	events []netpoll.Event
	armed  map[stream]bool
	ready  chan struct{} // has a value if there are events, or somebody wants to wake
}

func newMemoryPoller() *memoryPoller {
	return &memoryPoller{armed: map[stream]bool{}, ready: make(chan struct{}, 1)}
}

// memoryStream is an end of a pipe as a stream.
type memoryStream struct {
	*pipe.End
	once sync.Once
}

func (m *memoryStream) end() *pipe.End { return m.End }

func (m *memoryStream) Close() (was bool) {
	m.once.Do(func() { was = true; m.End.Close() })
	return was
}

func (p *memoryPoller) tell(token uint64, r netpoll.Ready) {
	p.mu.Lock()
	p.events = append(p.events, netpoll.Event{Token: token, Ready: r})
	p.mu.Unlock()
	p.Wake()
}

func (p *memoryPoller) Wake() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

func (p *memoryPoller) Add(s stream, token uint64) error {
	end := s.(interface{ end() *pipe.End }).end()
	end.Notify(func(ended bool) { p.tell(token, readyToRead(ended)) }, func() {
		p.mu.Lock()
		armed := p.armed[s]
		p.mu.Unlock()
		if armed {
			p.tell(token, netpoll.Writable)
		}
	})
	if readable, ended := end.Readable(); readable {
		p.tell(token, readyToRead(ended))
	}
	return nil
}

func (p *memoryPoller) Remove(s stream) {
	s.(interface{ end() *pipe.End }).end().Notify(func(bool) {}, func() {})
}

func readyToRead(ended bool) netpoll.Ready {
	if ended {
		return netpoll.Readable | netpoll.HungUp
	}
	return netpoll.Readable
}

func (p *memoryPoller) Arm(s stream, token uint64) {
	p.mu.Lock()
	p.armed[s] = true
	p.mu.Unlock()
	if s.(interface{ end() *pipe.End }).end().Writable() {
		p.tell(token, netpoll.Writable)
	}
}

func (p *memoryPoller) Wait(events []netpoll.Event, timeout time.Duration) (int, error) {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	if timeout != 0 {
		select {
		case <-p.ready:
		case <-late:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := copy(events, p.events)
	if p.events = p.events[n:]; len(p.events) > 0 {
		p.Wake()
	}
	return n, nil
}

func (p *memoryPoller) Close() {}

// driver is a way to drive a connection: its tests are the same for all.
type driver struct {
	name  string
	event bool
}

var drivers = []driver{{"event", true}, {"goroutine", false}}

// harness is a loop in memory, and what a test needs of it.
type harness struct {
	t      *testing.T
	loop   *Loop
	driver driver
	role   frame.Role
	size   int // of pipes
}

// start makes a connection, and returns it with its peer.
func (h *harness) start(n *conn.Negotiated, cfg *conn.Config, e *Events) (*conn.Conn, *wstest.Peer) {
	h.t.Helper()
	near, far := wstest.Pipe(h.size)
	c := h.attach(near, n, cfg, e)
	return c, wstest.NewPeer(h.t, far, h.peer())
}

// peer is the role of the other end.
func (h *harness) peer() frame.Role {
	if h.role == frame.Server {
		return frame.Client
	}
	return frame.Server
}

func (h *harness) attach(near *pipe.End, n *conn.Negotiated, cfg *conn.Config, e *Events) *conn.Conn {
	h.t.Helper()
	o := &Opening{Context: h.t.Context(), Config: cfg, Events: e}
	if n != nil {
		o.Negotiated = *n
	}
	return h.attachOpening(near, o)
}

func (h *harness) attachOpening(near *pipe.End, o *Opening) *conn.Conn {
	h.t.Helper()
	if !h.driver.event {
		c, err := h.loop.Attach(near, h.role, o)
		require.NoError(h.t, err)
		require.False(h.t, c.EventDriven())
		return c
	}
	c, err := newSocketFor(h.loop.shard(), &memoryStream{End: near}).attach(h.role, o)
	require.NoError(h.t, err)
	require.True(h.t, c.EventDriven())
	return c
}

// withDrivers runs f in fake time for both drivers and both roles. When f returns, the loop is shut down, and must come to its
// end.
func withDrivers(t *testing.T, f func(t *testing.T, h *harness)) {
	t.Helper()
	withDriversOver(t, 0, f)
}

// withDriversOver is withDrivers over pipes that hold size bytes in each direction.
func withDriversOver(t *testing.T, size int, f func(t *testing.T, h *harness)) {
	t.Helper()
	for _, d := range drivers {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			t.Run(d.name+" "+role.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLoop(&Options{ErrorLog: log.New(io.Discard, "", 0)}, []poller{newMemoryPoller(), newMemoryPoller()})
					h := &harness{t: t, loop: l, driver: d, role: role, size: size}
					defer func() {
						l.Shutdown(canceled)
						l.workers.Wait()
					}()
					f(t, h)
				})
			})
		}
	}
}

var _ net.Conn = (*Socket)(nil)
