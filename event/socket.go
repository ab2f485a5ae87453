package event

import (
	"context"
	"fmt"
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
	shard  *shard
	stream stream // fd, but in tests
	events *Events
	phase  phase // what the socket is before it is a WebSocket connection; nil then
	waiter atomic.Pointer[waiter]
	next   *Socket // in a list
	fd     netpoll.FD
	slot   uint32 // of shard.slots
	turn   uint32 // of that slot
	state  atomic.Uint32
	opened atomic.Bool // memory is a connection
	memory conn.DrivenMemory
}

// driven returns the WebSocket connection that s is, or ok is false if it is none yet.
func (s *Socket) driven() (d conn.Driven, ok bool) {
	if !s.opened.Load() {
		return d, false
	}
	return s.memory.Driven(), true
}

// conn is the WebSocket connection, which s is already.
func (s *Socket) conn() *conn.Conn { return s.memory.Driven().Conn() }

// phase is what a socket does before it is a WebSocket connection.
type phase interface {
	// proceed deals with what there is to do. It returns what is left to do after others have had their turn.
	proceed(s *Socket, todo uint32) (left uint32)
}

// The bits of Socket.state.
const (
	stateScheduled uint32 = 1 << iota
	stateReadable         // there may be bytes to read
	stateBegun            // the WebSocket connection is to begin to read what it has, and to wait
	stateWritable         // more can be written; only for a phase
	stateHungUp           // the peer has closed its side; this stays
	stateEnded            // the WebSocket connection has ended
	stateLate             // time is over; only for a phase
	stateAway             // the loop is shut down; only for a phase
	stateClosed           // the descriptor is closed
	stateTold             // Events.Close was called
	stateLeft             // the loop knows that nothing is left

	stateKept = stateHungUp | stateClosed | stateTold | stateLeft
)

func newSocket(h *shard, st stream) *Socket {
	s := &Socket{shard: h, stream: st}
	if st == nil {
		s.stream = &s.fd
	}
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
		s.shard.push(s)
	}
}

// attach makes s a WebSocket connection, and gives it to the leader.
func (s *Socket) attach(ctx context.Context, role frame.Role, n *conn.Negotiated, cfg *conn.Config, e *Events) (*conn.Conn, error) {
	if !s.shard.loop.enter() {
		s.stream.Close()
		return nil, ErrLoopClosed
	}
	s.mark(stateReadable) // nobody runs it before this is done
	if err := s.shard.add(s); err != nil {
		s.stream.Close()
		s.shard.loop.leave()
		return nil, err
	}
	s.phase = &opening{ctx}
	c := s.become(role, n, cfg, e)
	s.shard.push(s)
	return c, nil
}

// become makes s, which has a slot, a WebSocket connection, which is still to be opened.
func (s *Socket) become(role frame.Role, n *conn.Negotiated, cfg *conn.Config, e *Events) *conn.Conn {
	s.events = e
	c := s.memory.Open(s, role, n, cfg).Conn()
	s.opened.Store(true)
	if s.shard.loop.isDown() { // since it was counted
		s.goAway()
	}
	return c
}

// opening is the phase until Events.Open has returned.
type opening struct{ ctx context.Context }

func (o *opening) proceed(s *Socket, todo uint32) (left uint32) {
	return s.open(o.ctx) | todo&stateReadable
}

// open calls Events.Open, and ends the phase in front of it. It returns what is left to do.
func (s *Socket) open(ctx context.Context) (left uint32) {
	s.phase = nil
	if s.events.Open != nil {
		s.events.Open(ctx, s.conn())
	}
	return stateBegun
}

// run does what there is to do. The caller has marked s.
func (s *Socket) run() {
	todo := s.state.And(stateKept | stateScheduled)
	if left := s.proceed(todo); left != 0 {
		s.state.Or(left)
	}
	for {
		now := s.state.Load()
		if now&^stateKept != stateScheduled {
			s.shard.push(s)
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
	if s.phase != nil {
		return s.phase.proceed(s, todo)
	}
	if todo&(stateReadable|stateBegun) != 0 {
		p, err := s.memory.Driven().Advance(arrived(todo), s.message)
		if err != nil {
			s.fail(err)
			return stateReadable
		}
		left = leftBy(p)
	}
	s.tell(nil)
	return left
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

// message is Events.Message.
func (s *Socket) message(c *conn.Conn, m conn.Message) error {
	if s.events.Message == nil {
		return nil
	}
	return s.events.Message(c, m)
}

// failing is the phase after Events.Message has returned an error.
type failing struct{ err error }

func (f *failing) proceed(s *Socket, todo uint32) (left uint32) {
	if todo&stateReadable != 0 {
		left = leftBy(s.memory.Driven().Drop(arrived(todo)))
	}
	s.tell(f.err)
	return left
}

// fail closes the connection because of err, unless it is closing already.
func (s *Socket) fail(err error) {
	s.phase = &failing{err}
	s.conn().SendClose(conn.StatusInternalError, "")
}

// panicked logs a panic of a callback as net/http does, and closes the connection.
func (s *Socket) panicked() {
	p := recover()
	if p == nil {
		return
	}
	s.shard.loop.log.Printf("websocket: panic serving %v: %v\n%s", s.RemoteAddr(), p, debug.Stack())
	if s.opened.Load() {
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
	if s.events.Close != nil {
		s.events.Close(c, err)
	}
}

// leave tells the loop that nothing is left of s, if that is so.
func (s *Socket) leave() {
	const both = stateTold | stateClosed
	if s.state.Load()&both == both && s.state.Or(stateLeft)&stateLeft == 0 {
		s.shard.loop.leave()
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

// cut ends what s is at once.
func (s *Socket) cut() {
	if d, ok := s.driven(); ok {
		d.Conn().CloseNow()
		return
	}
	s.post(stateAway)
}

// token is what the poller calls s, which has a slot.
func (s *Socket) token() uint64 { return uint64(s.turn)<<32 | uint64(s.slot) }
