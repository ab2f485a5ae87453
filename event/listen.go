package event

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/netpoll"
)

// Greeter does the opening handshake for the connections that a Loop accepts: this is where HTTP comes in. Its methods may be
// called for several connections at once.
type Greeter interface {
	// Greet gets everything that has arrived so far, and decides what happens next. It may use nc only for its addresses. received
	// is valid until Greet returns. room is empty memory that stays until the reply is sent: the response may be appended to it.
	Greet(nc net.Conn, received, room []byte) Reply

	// Failed is called when no complete request will arrive, because the client has gone or, with os.ErrDeadlineExceeded, was too
	// slow. It returns what to send before nc is closed, or nil.
	Failed(nc net.Conn, err error) (response []byte)
}

// Reply is what a Greeter decides. The zero value means that the request is not complete yet.
type Reply struct {
	Response []byte   // is to be sent; nil if the request is not complete
	Opening  *Opening // makes the WebSocket connection; nil if it is refused
}

// Opening says how to make a WebSocket connection once the opening handshake is done.
type Opening struct {
	Context    context.Context // for Events.Open
	Negotiated conn.Negotiated // what the handshake has settled
	Config     *conn.Config    // may be nil
	Events     *Events
	Made       func(c *conn.Conn) // called when it is made, before any of Events; nil: nothing
	Failed     func(err error)    // called instead if the response cannot be sent; nil: nothing
}

// made tells that c is made.
func (o *Opening) made(c *conn.Conn) {
	if o.Made != nil {
		o.Made(c)
	}
}

// ErrNoListener is returned for listeners that the loop cannot accept from: those of anything but TCP and Unix sockets, and all
// listeners on systems without epoll and kqueue.
var ErrNoListener = errors.New("websocket: the event loop cannot accept from this listener")

// Listen accepts connections from ln until Shutdown, and calls g for each. A connection whose request is not complete after
// timeout is refused; a timeout of 0 or less means no limit. Listen returns the error of the listener, or [ErrLoopClosed] after
// Shutdown.
//
// ln is closed when Listen returns. Closing it earlier does not end Listen, which goes on with a descriptor of its own. When
// the system is out of descriptors or memory, or reports an error of the connection that was next, Listen logs that and tries
// again after a pause.
func (l *Loop) Listen(ln net.Listener, timeout time.Duration, g Greeter) error {
	if len(l.shards) == 0 {
		return ErrNoListener
	}
	nl, err := netpoll.Listen(ln)
	if errors.Is(err, errors.ErrUnsupported) {
		return ErrNoListener
	} else if err != nil {
		return err
	}
	return l.listen(ln, listener{nl}, timeout, g)
}

// acceptor is a stream from which connections are accepted.
type acceptor interface {
	stream
	// accept gives s the next connection, and returns its peer, as netpoll.Listener.TryAccept does.
	accept(s *Socket) (peer netip.AddrPort, err error)
	// local returns the address that all its connections have at this end, or nil if that differs or is not known.
	local() net.Addr
}

// listener is the acceptor of the operating system.
type listener struct{ *netpoll.Listener }

func (l listener) accept(s *Socket) (netip.AddrPort, error) { return l.TryAccept(&s.fd) }

func (l listener) local() net.Addr { return l.Local() }

func (l *Loop) listen(ln net.Listener, a acceptor, timeout time.Duration, g Greeter) error {
	defer ln.Close()
	if !l.enter() {
		a.Close()
		return ErrLoopClosed
	}
	s := newSocketFor(l.shard(), a)
	p := &listening{shard: s.shard(), from: a, local: a.local(), greeter: g, timeout: timeout, done: make(chan error, 1)}
	s.setPhase(p)
	s.mark(stateReadable)
	if err := s.shard().add(s, netip.AddrPort{}); err != nil {
		a.Close()
		l.leave()
		return err
	}
	s.shard().push(s)
	s.catchUp()
	return <-p.done
}

// listening is the phase of a socket that listens, which it never leaves.
type listening struct {
	shard   *shard // which it is of
	from    acceptor
	local   net.Addr // of this end of all connections, or nil
	greeter Greeter
	timeout time.Duration
	next    *Socket       // for the next connection, or nil
	pause   time.Duration // after the last failure; 0 if there was none
	resting bool          // until then
	done    chan error
}

// acceptBatch is how many connections are accepted at most before others have their turn.
const acceptBatch = 32

// share is how many connections to accept, of what the poller has reported: as a rule one, since the poller says so again if there
// is another, and more where the sockets that are served meanwhile would make clients wait.
func (p *listening) share() int { return min(max(1, int(p.shard.reported.Load())/4), acceptBatch) }

// How long nothing is accepted after a failure that may pass: longer each time.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = time.Second
)

func (p *listening) proceed(s *Socket, todo uint32) (left uint32) {
	switch {
	case todo&stateClosed != 0:
		return 0
	case todo&stateAway != 0:
		p.end(s, ErrLoopClosed)
		return 0
	}
	if todo&stateLate != 0 {
		p.resting = false
		if err := p.shard.poller.Add(s.stream(), p.shard.token(s)); err != nil {
			p.rest(s, err)
		}
	}
	if p.resting { // there would be no descriptor for whoever comes meanwhile
		return 0
	}
	for range p.share() {
		if p.next == nil {
			p.next = newSocket(s.shard().loop.shard())
		}
		peer, err := p.from.accept(p.next)
		switch {
		case err == nil:
			guest := p.next
			p.pause, p.next = 0, nil
			p.greet(guest, peer)
		case netpoll.WouldBlock(err):
			return 0
		case retry(err):
			p.rest(s, err)
			return 0
		default:
			p.end(s, err)
			return 0
		}
	}
	return 0
}

// rest accepts nothing for a while, since that has failed.
func (p *listening) rest(s *Socket, err error) {
	p.pause = min(max(2*p.pause, firstPause), maxPause)
	p.resting = true
	p.shard.poller.Remove(s.stream()) // first: else it would be reported all the time while the log takes long
	p.shard.loop.log.Printf("websocket: cannot accept connections: %v; next try in %v", err, p.pause)
	s.AfterFunc(p.pause, func() { s.post(stateLate) })
}

func (p *listening) callbacks() *Events { return nil }

// end lets go of the listener.
func (p *listening) end(s *Socket, err error) {
	if !p.resting { // closing it does not do that if another process has it too, or somebody else in this one
		p.shard.poller.Remove(s.stream())
	}
	s.discard()
	p.done <- err
}

// greet begins the handshake on a socket that was accepted.
func (p *listening) greet(s *Socket, peer netip.AddrPort) {
	if !s.shard().loop.enter() {
		s.stream().Close()
		return
	}
	p.admit(s, peer)
}

// admit is the rest of greet for a socket that is counted.
func (p *listening) admit(s *Socket, peer netip.AddrPort) {
	l := s.shard().loop
	s.mark(0) // nobody runs it before this is done
	g := &guest{from: p, peer: peer}
	s.setFirstPhase(g, p.local, &g.place)
	if s.shard() == p.shard && g.readAhead(s) {
		s.state.Or(stateBegun)
	} else {
		g.limit(s)
	}
	if err := s.shard().add(s, peer); err != nil {
		l.log.Printf("websocket: cannot wait for a connection: %v", err)
		g.timer.Stop()
		g.release()
		s.stream().Close()
		l.leave()
		return
	}
	s.release()
	s.catchUp()
}

// Accept does the same as Listen for any kind of listener: it calls serve for each connection, on a goroutine of its own. serve
// owns the connection. Its ctx ends with Shutdown, and when Accept returns. As with net/http, an error of ln with a method
// Temporary that returns true is one to try again after.
func (l *Loop) Accept(ln net.Listener, serve func(ctx context.Context, nc net.Conn)) error {
	defer ln.Close()
	if !l.enter() {
		return ErrLoopClosed
	}
	defer l.leave()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.workers.Go(func() {
		select {
		case <-l.closing:
			cancel()
			ln.Close()
		case <-ctx.Done():
		}
	})
	for pause := time.Duration(0); ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			l.workers.Go(func() { l.receive(ctx, nc, serve) })
		case l.isDown():
			return ErrLoopClosed
		case retry(err):
			pause = min(max(2*pause, firstPause), maxPause)
			l.log.Printf("websocket: cannot accept connections: %v; next try in %v", err, pause)
			l.pause(pause)
		default:
			return err
		}
	}
}

// receive calls serve, whose panics are logged as those of the goroutines of net/http are.
func (l *Loop) receive(ctx context.Context, nc net.Conn, serve func(ctx context.Context, nc net.Conn)) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Printf("websocket: panic serving %v: %v\n%s", nc.RemoteAddr(), p, debug.Stack())
			nc.Close()
		}
	}()
	serve(ctx, nc)
}

// retry reports whether accepting may succeed later although it has failed.
func retry(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary() || netpoll.Temporary(err)
}

// pause waits for d, or for Shutdown.
func (l *Loop) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.closing:
	}
}
