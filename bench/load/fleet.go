package load

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Plan says what connections to open and what to send on them.
type Plan struct {
	Addr       string
	TLS        bool
	Conns      int
	Depth      int      // messages that are sent in one go; the next ones follow when all were answered
	Messages   [][]byte // each connection sends one after the other, and begins anew
	Text       bool
	Extensions string // offered in the handshake; "" offers none
	Raw        bool   // the server is no WebSocket: it echoes frames as they are
	Broadcast  bool   // only the first connection sends, all get what it sent
}

// Result is what came back.
type Result struct {
	Messages int64
	Payload  int64 // bytes on the wire, without headers
	Elapsed  time.Duration
	Latency  *Histogram
}

// session is one connection's part of the load.
type session struct {
	conn    io.ReadWriteCloser
	fd      int // of conn, unless it is TLS
	counter counter
	bursts  [][]byte
	next    int
	unsent  []byte // rest of a burst
	missing int    // messages that are still to come for what was sent
	began   time.Time
	writing bool            // the poller waits until more can be sent
	due     []time.Duration // when the messages were to be sent that are not answered; only for RunPaced
}

// burst returns what to send next.
func (s *session) burst(depth int) []byte {
	b := s.bursts[s.next]
	s.next = (s.next + 1) % len(s.bursts)
	s.missing, s.began = depth, time.Now()
	return b
}

// Fleet is the open connections of a plan.
type Fleet struct {
	plan     Plan
	sessions []*session
	poll     int // the epoll descriptor, -1 with TLS
	buf      []byte
	result   Result
}

// Open opens the connections, one after the other.
func Open(p Plan) (*Fleet, error) {
	f := &Fleet{plan: p, poll: -1, buf: make([]byte, 256<<10)}
	frames := make([][]byte, len(p.Messages))
	for i, m := range p.Messages {
		if p.Extensions != "" {
			m = Deflate(m)
		}
		frames[i] = Frame(m, p.Text, p.Extensions != "")
	}
	bursts := cut(frames, p.Depth)
	for i := range p.Conns {
		s, err := f.open(bursts, i, len(frames[0]))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		f.sessions = append(f.sessions, s)
	}
	if err := errors.Join(f.check(), f.ping()); err != nil {
		f.Close()
		return nil, err
	}
	return f, f.watch()
}

// ping waits for a pong on each connection that is to get broadcasts: then its server has begun to read, and knows it.
func (f *Fleet) ping() error {
	if f.plan.Raw || !f.plan.Broadcast {
		return nil
	}
	for _, s := range f.sessions {
		if _, err := s.conn.Write(append([]byte{0x80 | opPing, 0x80}, key[:]...)); err != nil {
			return err
		}
		var pong [2]byte
		if _, err := io.ReadFull(s.conn, pong[:]); err != nil || pong != [2]byte{0x80 | opPong, 0} {
			return fmt.Errorf("load: %x came for a ping: %w", pong, err)
		}
	}
	return nil
}

// cut joins frames to bursts of depth frames. With one frame there is one burst.
func cut(frames [][]byte, depth int) (bursts [][]byte) {
	for i := range frames {
		var b []byte
		for j := range depth {
			b = append(b, frames[(i*depth+j)%len(frames)]...)
		}
		bursts = append(bursts, b)
	}
	return bursts
}

func (f *Fleet) open(bursts [][]byte, i, frame int) (*session, error) {
	s := &session{bursts: bursts, next: i % len(bursts), fd: -1}
	if f.plan.Raw {
		s.counter.raw = frame
	}
	if err := s.dial(f.plan); err != nil {
		return nil, err
	}
	scheme := "http"
	if f.plan.TLS {
		scheme = "https"
	}
	if err := shake(s.conn, request(f.plan.Addr, scheme, f.plan.Extensions), f.plan.Extensions != ""); err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) dial(p Plan) error {
	if !p.TLS {
		fd, err := dialSocket(p.Addr)
		s.conn, s.fd = fd, int(fd)
		return err
	}
	nc, err := net.DialTimeout("tcp", p.Addr, patience)
	if err != nil {
		return err
	}
	nc.(*net.TCPConn).SetLinger(0)
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
	c.SetDeadline(time.Now().Add(time.Minute)) // for as long as it lives: no more than a few measurements
	s.conn = c
	return nil
}

// check sends one message on the first connection and compares what comes back.
func (f *Fleet) check() error {
	p := f.plan
	if p.Raw || p.Broadcast {
		return nil
	}
	s := f.sessions[0]
	want := p.Messages[s.next]
	sent := want
	if p.Extensions != "" {
		sent = Deflate(want)
	}
	if _, err := s.conn.Write(Frame(sent, p.Text, p.Extensions != "")); err != nil {
		return err
	}
	got, compressed, err := readMessage(s.conn)
	if err == nil && compressed {
		got, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(got), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}))))
	}
	if err != nil {
		return fmt.Errorf("load: first reply: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("load: first reply differs from what was sent (%d and %d bytes)", len(got), len(want))
	}
	if compressed != (p.Extensions != "") {
		return fmt.Errorf("load: first reply: compressed is %t", compressed)
	}
	return nil
}

// readMessage reads one message, frame by frame.
func readMessage(r io.Reader) (payload []byte, compressed bool, err error) {
	var c counter
	one := make([]byte, 1)
	for first := true; !c.fin || first; first = false {
		for whole := false; !whole; {
			if _, err := io.ReadFull(r, one); err != nil {
				return nil, false, err
			}
			if _, whole, err = c.parse(one); err != nil {
				return nil, false, err
			}
		}
		compressed = compressed || c.header[0]&0x40 != 0
		part := make([]byte, c.left)
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, false, err
		}
		payload = append(payload, part...)
	}
	return payload, compressed, nil
}

// Run sends and counts for d, and until all that was sent is answered: with 0, one burst on each connection.
func (f *Fleet) Run(d time.Duration) (Result, error) {
	f.result = Result{Latency: &Histogram{}}
	began := time.Now()
	var err error
	switch {
	case f.plan.TLS:
		err = f.runBlocking(began.Add(d))
	default:
		err = f.runPolling(began.Add(d))
	}
	f.result.Elapsed = time.Since(began)
	return f.result, err
}

// Close closes all connections.
func (f *Fleet) Close() {
	for _, s := range f.sessions {
		s.conn.Close()
	}
	if f.poll >= 0 {
		unix.Close(f.poll)
	}
}
