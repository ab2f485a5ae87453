package brokertest

import (
	"net"
	"sync"
	"testing"
)

// Link is a relay for TCP between a broker and its server, with which the network between them fails.
type Link struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu       sync.Mutex
	accepted int
	conns    map[net.Conn]struct{}
	stalled  chan struct{} // nil: bytes pass; otherwise closed when they do again
	closed   bool
}

// NewLink returns a link to a server, until the end of the test.
func NewLink(t testing.TB, to string) *Link {
	t.Helper()
	l, err := OpenLink(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// OpenLink returns a link to a server, until Close.
func OpenLink(to string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, to: to, conns: map[net.Conn]struct{}{}}
	l.work.Go(l.accept)
	return l, nil
}

// Addr is where to connect to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Stall has no byte pass, in either direction, until Resume. Nobody is told.
func (l *Link) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled == nil {
		l.stalled = make(chan struct{})
	}
}

// Resume ends a stall: what waits passes.
func (l *Link) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled != nil {
		close(l.stalled)
		l.stalled = nil
	}
}

// Accepted returns how many connections there have been.
func (l *Link) Accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

// Cut ends all connections that there are.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
}

// Close ends the link, and all connections.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.listener.Close()
	l.Resume()
	l.Cut()
	l.work.Wait()
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		l.accepted++
		l.mu.Unlock()
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			near.Close()
			continue
		}
		if !l.keep(near, far) {
			return
		}
		l.work.Go(func() { l.pass(near, far) })
		l.work.Go(func() { l.pass(far, near) })
	}
}

// keep remembers two connections, or closes them if the link is closed.
func (l *Link) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		if l.closed {
			c.Close()
		} else {
			l.conns[c] = struct{}{}
		}
	}
	return !l.closed
}

// pass copies bytes until one of the two has ended.
func (l *Link) pass(to, from net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, from)
		from.Close()
		to.Close()
	}()
	for buf := make([]byte, 32<<10); ; {
		n, err := from.Read(buf)
		l.mu.Lock()
		stalled := l.stalled
		l.mu.Unlock()
		if stalled != nil {
			<-stalled
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
