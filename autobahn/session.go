package autobahn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

const (
	// closeTimeout is how long the peer may take to answer a close frame, and a
	// server to drop TCP after the closing handshake.
	closeTimeout = time.Second
	// slack is what a whole case may take beyond the waits that it asks for.
	slack = 20 * time.Second
	// maxMessage bounds a message that the suite is willing to put together.
	maxMessage = 64 << 20
)

// session runs one case on one connection. Everything but reading and writing
// happens in one loop: what has arrived, what has been sent and what is due
// take turns there, so that no state needs a lock.
type session struct {
	c        *Case
	isServer bool // the suite is the server: it masks nothing
	nc       net.Conn
	in       *wire.Reader
	out      *writer
	agreed   *pmd.Params // nil without permessage-deflate
	inflater *pmd.Inflater
	deflater *pmd.Deflater
	streams  *streams

	timers []*time.Timer
	todo   chan func()   // timers and marks of what has been sent, for the loop
	done   chan struct{} // closed when the loop has ended

	tally
	log        wireLog
	step       int
	stream     wire.Header // of a frame whose payload is sent in parts
	streamed   int
	sentClose  bool
	gotClose   bool
	failing    bool // a violation was answered: messages no longer count
	localCode  int
	localWhy   string
	remoteWhy  string
	violation  string
	assembling assembly
	echoing    echoState
}

// assembly is the message whose frames are arriving.
type assembly struct {
	active     bool
	opcode     byte
	compressed bool
	text       wire.UTF8 // of a text message, as far as it has come
	data       []byte
}

// isText: frames with a reserved opcode are neither text nor binary.
func (m *assembly) isText() bool { return m.opcode == wire.Text }

func newSession(c *Case, isServer bool, nc net.Conn, o *opening, shared *streams) *session {
	agreed := o.agreed
	s := &session{
		c: c, isServer: isServer, nc: nc, agreed: agreed,
		in:      wire.NewReader(o.src, isServer),
		streams: shared,
		todo:    make(chan func()), done: make(chan struct{}),
		localCode: NoCode,
	}
	s.tally = tally{opened: true, remoteCode: NoCode}
	s.out = newWriter(nc, s.post)
	s.log.begin()
	if agreed != nil {
		s.inflater = &pmd.Inflater{Window: agreed.ServerWindow(), NoTakeover: agreed.ServerNoTakeover}
		s.deflater = &pmd.Deflater{Window: agreed.ClientWindow(), NoTakeover: agreed.ClientNoTakeover}
		if isServer {
			s.inflater = &pmd.Inflater{Window: agreed.ClientWindow(), NoTakeover: agreed.ClientNoTakeover}
			s.deflater = &pmd.Deflater{Window: agreed.ServerWindow(), NoTakeover: agreed.ServerNoTakeover}
		}
		s.inflater.Strict = c.Section != ""
	}
	return s
}

// arrival is a frame, or what was wrong with it.
type arrival struct {
	frame wire.Frame
	err   *wire.Violation
}

// run plays the case until TCP is gone, on either side's account, and closes nc.
func (s *session) run(ctx context.Context) {
	arrivals := make(chan arrival, 16)
	var group sync.WaitGroup
	group.Go(func() { s.read(arrivals) })
	group.Go(s.out.run)
	limit := time.AfterFunc(s.longest(), s.abort)
	stop := context.AfterFunc(ctx, s.abort)
	s.start()
	for open := true; open; {
		select {
		case a, more := <-arrivals:
			if open = more; more {
				s.arrived(a)
			}
		case f := <-s.todo:
			f()
		}
	}
	limit.Stop()
	stop()
	for _, t := range s.timers { // a session that is over must not stay in memory
		t.Stop()
	}
	close(s.done)
	s.out.stop()
	s.abort()
	group.Wait()
}

// longest is when a case ends for good, whatever the peer does.
func (s *session) longest() time.Duration {
	d := slack
	for _, step := range s.c.Steps {
		d += step.After
	}
	if s.c.Echo != nil {
		d += s.c.Echo.Timeout
	}
	return d
}

func (s *session) read(arrivals chan<- arrival) {
	defer close(arrivals)
	for {
		f, err := s.in.Next()
		var v *wire.Violation
		if err != nil && !errors.As(err, &v) {
			return
		}
		select {
		case arrivals <- arrival{f, v}:
		case <-s.done:
			return
		}
		if v != nil && v.Lost {
			s.discard()
			return
		}
	}
}

// discard reads on where frames can no longer be told apart, so that the end of
// TCP is noticed.
func (s *session) discard() {
	b := make([]byte, 4096)
	for {
		if _, err := s.nc.Read(b); err != nil {
			return
		}
	}
}

// post hands f to the loop, unless that has ended.
func (s *session) post(f func()) {
	select {
	case s.todo <- f:
	case <-s.done:
	}
}

// after runs f in the loop once d has passed since everything queued was sent.
func (s *session) after(d time.Duration, f func()) {
	s.out.push(output{then: func() {
		s.timers = append(s.timers, time.AfterFunc(d, func() { s.post(f) }))
	}})
}

func (s *session) start() {
	if s.c.Echo != nil {
		s.startEcho()
		return
	}
	if s.c.needsDeflate() && s.agreed == nil {
		s.lacking = true
		s.sendClose(1000, nil)
		return
	}
	s.advance()
}

// isOpen: no close frame has gone either way.
func (s *session) isOpen() bool { return !s.sentClose && !s.gotClose && !s.failing }

// sendClose sends a close frame that begins the closing handshake.
func (s *session) sendClose(code int, reason []byte) {
	if s.sentClose {
		return
	}
	s.closedFirst = true
	s.closeFrame(code, reason)
	s.after(closeTimeout, func() {
		if !s.gotClose {
			s.dropped = true
			s.abort()
		}
	})
}

func (s *session) closeFrame(code int, reason []byte) {
	s.sentClose = true
	s.localCode, s.localWhy = code, string(reason)
	var body []byte
	if code != NoCode {
		body = binary.BigEndian.AppendUint16(nil, uint16(code))
	}
	s.send(wire.Header{Fin: true, Opcode: wire.Close}, append(body, reason...), output{})
}

// fail fails the connection (RFC 6455 §7.1.7): with a close frame, or when one
// was sent already by dropping TCP.
func (s *session) fail(code int, why string) {
	s.failing = true
	if !s.sentClose {
		s.sendClose(code, nil)
		return
	}
	s.log.note(why)
	s.dropped = true
	s.drop()
}

// drop closes TCP in the orderly way: what is queued goes out first.
func (s *session) drop() {
	s.out.push(output{drop: true})
	time.AfterFunc(closeTimeout, s.abort)
}

func (s *session) abort() { _ = s.nc.Close() }

// send queues one frame.
func (s *session) send(h wire.Header, payload []byte, how output) {
	if !s.isServer {
		h.Masked, h.Key = true, wire.RandomKey()
	}
	h.Len = int64(len(payload))
	s.log.sent(h, payload, how.chop)
	how.data = wire.AppendFrame(make([]byte, 0, len(payload)+14), h, payload)
	s.out.push(how)
}

// sendMessage queues one message in frames of fragment bytes; the last one is
// the remainder, which is empty when fragment divides the length. It returns
// the number of frames.
func (s *session) sendMessage(first wire.Header, payload []byte, fragment int, how output) int {
	if fragment == 0 || len(payload) <= fragment {
		first.Fin = true
		s.send(first, payload, how)
		return 1
	}
	frames := len(payload)/fragment + 1
	out := make([]byte, 0, len(payload)+14*frames)
	for i, h := 0, first; i < frames; i++ {
		part := payload[i*fragment : min((i+1)*fragment, len(payload))]
		h.Fin, h.Len = i == frames-1, int64(len(part))
		if !s.isServer {
			h.Masked, h.Key = true, wire.RandomKey()
		}
		s.log.sent(h, part, 0)
		out = wire.AppendFrame(out, h, part)
		h = wire.Header{Opcode: wire.Continuation}
	}
	how.data = out
	s.out.push(how)
	return frames
}

func (s *session) sendRaw(b []byte, how output) {
	s.log.note(fmt.Sprintf("sent % x", b[:min(len(b), 64)]))
	how.data = b
	s.out.push(how)
}
