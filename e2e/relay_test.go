package e2e

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A link is a way to a server that can be cut, or go silent as if a cable had been pulled.
type link struct {
	listener net.Listener
	server   string
	copiers  sync.WaitGroup

	mu     sync.Mutex
	cut    bool
	silent bool
	heard  *sync.Cond // silent has changed
	open   map[net.Conn]struct{}
}

// newLink returns a link to a server, and the address at which it begins.
func newLink(t *testing.T, server string) (*link, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{listener: listener, server: server, open: map[net.Conn]struct{}{}}
	l.heard = sync.NewCond(&l.mu)
	l.copiers.Go(l.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		l.set(true, false)
		l.copiers.Wait()
	})
	return l, listener.Addr().String()
}

// set cuts the link, which closes all that goes over it, or makes it silent, or neither.
func (l *link) set(cut, silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.silent = cut, silent
	l.heard.Broadcast()
	for nc := range l.open {
		if cut {
			_ = nc.Close()
		}
	}
}

func (l *link) accept() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", l.server)
		if err != nil || !l.add(from, to) {
			_ = from.Close()
			continue
		}
		l.copiers.Go(func() { l.copy(from, to) })
		l.copiers.Go(func() { l.copy(to, from) })
	}
}

// add reports whether the link is not cut.
func (l *link) add(from, to net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = to.Close()
		return false
	}
	l.open[from], l.open[to] = struct{}{}, struct{}{}
	return true
}

// copy carries everything from one end to the other until either has ended.
func (l *link) copy(from, to net.Conn) {
	_, _ = io.Copy(to, io.TeeReader(from, l))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, nc := range []net.Conn{from, to} {
		_ = nc.Close()
		delete(l.open, nc)
	}
}

// Write holds everything up while the link is silent.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.silent {
		l.heard.Wait()
	}
	return len(p), nil
}
