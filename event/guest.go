package event

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/nonblock"
)

// guest is the phase of a socket from when it was accepted until its opening handshake has succeeded, or it is closed.
type guest struct {
	from    *listening     // has accepted it
	place   place          // of the socket
	peer    netip.AddrPort // as accept has told; the zero value if it has not
	timer   timer          // bounds the phase once it has to wait, if there is a limit
	in      *buffer.Buffer // what has arrived, and then the response; nil while that is nothing
	ahead   result         // what was read of the request before its turn
	unread  bool           // there may be more to read, and no event will say so
	reply   Reply          // Response is nil until it is known
	dropped int            // bytes that a refused client has sent since; -1 until the response is out
}

// result is what TryRead has returned.
type result struct {
	n   int
	err error
}

// How long, and how many bytes, a refused client is read from before its connection is closed. Closing with input unread resets
// the connection, and the reset may overtake the response.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 10
)

func (g *guest) proceed(s *Socket, todo uint32) (left uint32) {
	if todo&stateReadable != 0 {
		g.unread = true
	}
	switch {
	case todo&stateClosed != 0: // by a hook that has panicked
		g.timer.Stop()
	case todo&stateAway != 0:
		g.close(s, ErrLoopClosed)
	case todo&stateLate != 0 && !g.replied():
		g.fail(s, os.ErrDeadlineExceeded)
	case todo&stateLate != 0:
		g.close(s, os.ErrDeadlineExceeded)
	case !g.replied():
		return g.read(s, todo&stateHungUp != 0)
	case g.reply.Opening == nil && g.dropped >= 0:
		g.drop(s)
	default:
		return g.answer(s)
	}
	return 0
}

// callbacks are those of the WebSocket connection that the socket has just become.
func (g *guest) callbacks() *Events { return g.reply.Opening.Events }

// replied reports whether the response is known.
func (g *guest) replied() bool { return g.reply.Response != nil }

// readAhead reads what there is of the request before the poller knows of s. Most requests come right behind the connection, and
// then the poller need not be asked first. It reports whether there is something for read to go on with.
func (g *guest) readAhead(s *Socket) bool {
	n, err := g.fill(s)
	if err == nonblock.ErrWouldBlock {
		return false
	}
	g.ahead = result{n, err}
	return true
}

// fill reads behind what there is of the request, and notes whether there may be more. Then there is room behind that, for a
// response.
func (g *guest) fill(s *Socket) (n int, err error) {
	if g.in == nil {
		g.in = buffer.Get(buffer.Smallest)
	} else if len(g.in.B) == cap(g.in.B) {
		g.in = g.in.Grow(len(g.in.B))
	}
	room := g.in.B[len(g.in.B):cap(g.in.B)]
	n, err = s.stream().TryRead(room)
	g.unread = n == len(room)
	if err == nonblock.ErrWouldBlock && len(g.in.B) == 0 {
		g.release()
	}
	return n, err
}

// read reads what there is of the request. hungUp says that the client has closed its side: no other event will say so.
func (g *guest) read(s *Socket, hungUp bool) (left uint32) {
	n, err := g.ahead.n, g.ahead.err
	if n == 0 && err == nil {
		n, err = g.fill(s)
	}
	g.ahead = result{}
	if err == nonblock.ErrWouldBlock {
		return 0
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		g.fail(s, err)
		return 0
	}
	g.in.B = g.in.B[:len(g.in.B)+n]
	g.unread = g.unread || hungUp
	reply := g.from.greeter.Greet(s, g.in.B, g.in.B[len(g.in.B):])
	if reply.Response == nil {
		g.limit(s)
		return g.left()
	}
	return g.set(s, reply)
}

// left returns what is left to do: to read on, if there may be more.
func (g *guest) left() uint32 {
	if g.unread {
		return stateReadable
	}
	return 0
}

// set sets the reply, and begins to send the response.
func (g *guest) set(s *Socket, reply Reply) (left uint32) {
	g.reply, g.dropped = reply, -1
	return g.answer(s)
}

// answer sends the response, or the rest of it, and then opens the WebSocket connection or refuses the client.
func (g *guest) answer(s *Socket) (left uint32) {
	r := &g.reply
	n, err := s.stream().TryWrite(r.Response, nil)
	if err != nil {
		g.close(s, err)
		return 0
	}
	if r.Response = r.Response[n:]; len(r.Response) > 0 {
		g.limit(s)
		s.AwaitWrite()
		return 0
	}
	g.release()
	g.timer.Stop()
	if o := r.Opening; o != nil {
		c := s.become(frame.Server, &o.Negotiated, o.Config)
		o.made(c)
		return s.open(o.Context, o.Events) | g.left()
	}
	g.dropped = 0
	g.bound(s, lingerTime)
	s.stream().CloseWrite()
	g.drop(s)
	return 0
}

// drop reads and discards what a refused client sends.
func (g *guest) drop(s *Socket) {
	var p [4 << 10]byte
	for g.dropped < lingerBytes {
		n, err := s.stream().TryRead(p[:])
		if err == nonblock.ErrWouldBlock {
			return
		}
		if err != nil {
			break
		}
		g.dropped += n
	}
	g.close(s, nil)
}

// fail answers a client whose request will not be complete, if there is something to say.
func (g *guest) fail(s *Socket, err error) {
	g.release()
	if response := g.from.greeter.Failed(s, err); response != nil {
		g.set(s, Reply{Response: bytes.Clone(response)})
		return
	}
	g.close(s, err)
}

// close ends a socket that did not become a WebSocket connection.
func (g *guest) close(s *Socket, err error) {
	g.timer.Stop()
	g.release()
	if o := g.reply.Opening; o != nil && o.Failed != nil {
		o.Failed(err)
	}
	s.discard()
}

// limit sees that the phase ends in time although it has to wait. Most do not have to.
func (g *guest) limit(s *Socket) {
	if g.timer.shard == nil && g.from.timeout > 0 {
		g.bound(s, g.from.timeout)
	}
}

// bound limits how long the phase may still take.
func (g *guest) bound(s *Socket, d time.Duration) {
	s.shard().setFunc(&g.timer, d, func() { s.post(stateLate) })
}

func (g *guest) release() {
	g.in.Release()
	g.in = nil
}
