package event

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync/atomic"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
)

// Socket is a network connection of a loop. [conn.Conn.NetConn] returns it. It gives the addresses and, by SyscallConn, access
// to socket options; it cannot be read from or written to.
//
// Its state says who is at work: while stateScheduled is set, it is in the queue of its shard, or one goroutine runs it. The
// other bits say what there is to do; whoever sets stateScheduled must see that it gets done.
type Socket struct {
	at     atomic.Pointer[place] // the shard is always the same
	fd     netpoll.FD
	slot   uint32 // of shard.slots
	state  atomic.Uint32
	memory conn.DrivenMemory // valid from stateOpened on
}

// driven returns the WebSocket connection that s is, or ok is false if it is none yet.
func (s *Socket) driven() (d conn.Driven, ok bool) {
	if !s.has(stateOpened) {
		return d, false
	}
	return s.memory.Driven(), true
}

// conn is the WebSocket connection, which s is already.
func (s *Socket) conn() *conn.Conn { return s.memory.Driven().Conn() }

// has reports whether a bit of the state is set.
func (s *Socket) has(bit uint32) bool { return s.state.Load()&bit != 0 }

// phase is what a socket is: a listener, a guest, or a WebSocket connection that is opening, at work, or failing.
type phase interface {
	// proceed deals with what there is to do. It returns what is left to do after others have had their turn.
	proceed(s *Socket, todo uint32) (left uint32)
	// callbacks are the Events of a WebSocket connection.
	callbacks() *Events
}

// The bits of Socket.state.
const (
	stateScheduled uint32 = 1 << iota
	stateReadable         // there may be bytes to read
	stateBegun            // a WebSocket connection is to begin to read what it has, and to wait; a guest to look at what it has
	stateWritable         // more can be written; only for a phase
	stateHungUp           // the peer has closed its side; this stays
	stateEnded            // the WebSocket connection has ended
	stateLate             // time is over; only for a phase
	stateAway             // the loop is shut down; only for a phase
	stateClosed           // the descriptor is closed
	stateTold             // Events.Close was called
	stateLeft             // the loop knows that nothing is left
	stateOpened           // it is a WebSocket connection
	stateAwaited          // somebody waits to read: shard.waiters says who

	stateKept = stateHungUp | stateClosed | stateTold | stateLeft | stateOpened | stateAwaited
)

// newSocket returns a socket for the descriptor that it is to have.
func newSocket(h *shard) *Socket {
	s := new(Socket)
	s.at.Store(&h.nowhere)
	return s
}

// newSocketFor returns a socket for a stream of another kind.
func newSocketFor(h *shard, st stream) *Socket {
	s := new(Socket)
	s.at.Store(&place{shard: h, other: &st})
	return s
}

// bitsOf returns what there is to do.
func bitsOf(r netpoll.Ready) (bits uint32) {
	if r&netpoll.Readable != 0 {
		bits |= stateReadable
	}
	if r&netpoll.Writable != 0 {
		bits |= stateWritable
	}
	if r&netpoll.HungUp != 0 {
		bits |= stateHungUp | stateReadable
	}
	return bits
}

// mark notes what there is to do. It reports whether the caller is to see to that.
func (s *Socket) mark(bits uint32) bool { return s.state.Or(bits|stateScheduled)&stateScheduled == 0 }

// post has the leader see to what there is to do.
func (s *Socket) post(bits uint32) {
	if s.mark(bits) {
		s.shard().push(s)
	}
}

// attach makes s a WebSocket connection, and gives it to the leader.
func (s *Socket) attach(role frame.Role, o *Opening) (*conn.Conn, error) {
	if !s.shard().loop.enter() {
		s.stream().Close()
		return nil, ErrLoopClosed
	}
	s.mark(stateReadable) // nobody runs it before this is done
	if err := s.shard().add(s, netip.AddrPort{}); err != nil {
		s.stream().Close()
		s.shard().loop.leave()
		return nil, err
	}
	s.setPhase(&opening{o.Context, o.Events})
	made := false
	defer func() {
		if !made { // a hook of the caller panics
			s.abandon()
		}
	}()
	c := s.become(role, &o.Negotiated, o.Config)
	o.made(c)
	made = true
	s.shard().push(s)
	return c, nil
}

// abandon ends a socket that nobody runs.
func (s *Socket) abandon() {
	s.state.Or(stateTold)
	if d, ok := s.driven(); ok {
		d.Conn().CloseNow()
	}
	s.Close()
	s.leave() // where the hook has closed it
}

// become makes s, which has a slot, a WebSocket connection, which is still to be opened.
func (s *Socket) become(role frame.Role, n *conn.Negotiated, cfg *conn.Config) *conn.Conn {
	c := s.memory.Open(s, role, n, cfg).Conn()
	s.state.Or(stateOpened)
	s.catchUp()
	return c
}

// opening is the phase until Events.Open has returned.
type opening struct {
	ctx    context.Context
	events *Events
}

func (o *opening) proceed(s *Socket, todo uint32) (left uint32) {
	return s.open(o.ctx, o.events) | todo&stateReadable
}

func (o *opening) callbacks() *Events { return o.events }

// open begins the phase in which the connection is at work, and calls Events.Open. It returns what is left to do.
func (s *Socket) open(ctx context.Context, e *Events) (left uint32) {
	s.setPhase((*working)(e))
	if e.Open != nil {
		e.Open(ctx, s.conn())
	}
	return stateBegun
}

// run does what there is to do. The caller has marked s.
func (s *Socket) run() {
	todo := s.state.And(stateKept | stateScheduled)
	if left := s.proceed(todo); left != 0 {
		s.state.Or(left)
	}
	s.release()
}

// release is the end of what mark began: if there is more to do by now, the leader goes on with it.
func (s *Socket) release() {
	for {
		now := s.state.Load()
		if now&^stateKept != stateScheduled {
			s.shard().push(s)
			return
		}
		if s.state.CompareAndSwap(now, now&^stateScheduled) {
			return
		}
	}
}

// proceed does what there is to do. It returns what is left to do after others have had their turn.
func (s *Socket) proceed(todo uint32) (left uint32) {
	defer s.panicked()
	return s.phase().proceed(s, todo)
}

// working is the phase of an open connection: its Events.
type working Events

func (w *working) proceed(s *Socket, todo uint32) (left uint32) {
	if todo&(stateReadable|stateBegun) != 0 {
		p, err := s.memory.Driven().Advance(arrived(todo), w.message)
		if err != nil {
			s.fail(err)
			return stateReadable
		}
		left = leftBy(p)
	}
	s.tell(nil)
	return left
}

func (w *working) callbacks() *Events { return (*Events)(w) }

// message is Events.Message.
func (w *working) message(c *conn.Conn, m conn.Message) error {
	if w.Message == nil {
		return nil
	}
	return w.Message(c, m)
}

// arrived returns what the network has, as far as the loop knows.
func arrived(todo uint32) conn.Arrived {
	switch {
	case todo&stateHungUp != 0:
		return conn.ArrivedEnd
	case todo&stateReadable != 0:
		return conn.ArrivedBytes
	}
	return conn.ArrivedNothing
}

// leftBy returns what is left to do behind Advance.
func leftBy(p conn.Progress) uint32 {
	if p == conn.More {
		return stateReadable
	}
	return 0
}

// failing is the phase after Events.Message has returned an error.
type failing struct {
	events *Events
	err    error
}

func (f *failing) proceed(s *Socket, todo uint32) (left uint32) {
	if todo&stateReadable != 0 {
		left = leftBy(s.memory.Driven().Drop(arrived(todo)))
	}
	s.tell(f.err)
	return left
}

func (f *failing) callbacks() *Events { return f.events }

// fail closes the connection because of err, unless it is closing already.
func (s *Socket) fail(err error) {
	s.setPhase(&failing{s.phase().callbacks(), err})
	s.conn().SendClose(conn.StatusInternalError, "")
}

// panicked logs a panic of a callback as net/http does, and closes the connection.
func (s *Socket) panicked() {
	p := recover()
	if p == nil {
		return
	}
	s.shard().loop.log.Printf("websocket: panic serving %v: %v\n%s", s.RemoteAddr(), p, debug.Stack())
	if s.has(stateOpened) {
		s.fail(fmt.Errorf("websocket: panic in a callback: %v", p))
		s.post(stateReadable)
	} else {
		s.discard()
	}
}

// tell calls Events.Close once the connection has ended.
func (s *Socket) tell(err error) {
	c := s.conn()
	end := c.Err()
	if end == nil || s.state.Or(stateTold)&stateTold != 0 {
		return
	}
	if err == nil {
		err = end
	}
	defer s.leave()
	if e := s.phase().callbacks(); e.Close != nil {
		e.Close(c, err)
	}
}

// leave tells the loop that nothing is left of s, if that is so.
func (s *Socket) leave() {
	const both = stateTold | stateClosed
	if s.state.Load()&both == both && s.state.Or(stateLeft)&stateLeft == 0 {
		s.shard().loop.leave()
	}
}

// discard closes a socket that did not become a WebSocket connection.
func (s *Socket) discard() {
	s.state.Or(stateTold)
	s.Close()
}

// writable tells the connection that more can be written.
func (s *Socket) writable() { s.memory.Driven().Writable() }

// detach tells the connection that its callback takes long.
func (s *Socket) detach() {
	if d, ok := s.driven(); ok {
		d.Detach()
	}
}

// goAway ends what s is, because the loop is shut down.
func (s *Socket) goAway() {
	if d, ok := s.driven(); ok {
		d.Conn().SendClose(conn.StatusGoingAway, "")
		return
	}
	s.post(stateAway)
}

// catchUp does what Shutdown has done to all sockets since s was counted: it may have come too early to find s, or what s is now. Who
// asks once that is there for all to see misses nothing of it.
func (s *Socket) catchUp() {
	switch l := s.shard().loop; {
	case l.cutting.Load():
		s.cut()
	case l.down.Load():
		s.goAway()
	}
}

// cut ends what s is at once.
func (s *Socket) cut() {
	if d, ok := s.driven(); ok {
		d.Conn().CloseNow()
		return
	}
	s.post(stateAway)
}
