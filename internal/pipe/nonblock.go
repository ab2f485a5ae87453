package pipe

import (
	"io"
	"net"

	"github.com/seed60239977/websocket/internal/nonblock"
)

// Notify has functions called: readable whenever bytes have arrived at e, and at the end, which ended says; writable when there is room to write
// after there was none. Each is told once for each change, as a poller that is edge-triggered tells. They must not block, nor
// call methods of e.
func (e *End) Notify(readable func(ended bool), writable func()) {
	e.in.mu.Lock()
	e.in.reader = readable
	e.in.mu.Unlock()
	e.out.mu.Lock()
	e.out.writer = writable
	e.out.mu.Unlock()
}

// TryRead is Read without waiting. The error is nonblock.ErrWouldBlock if there is nothing to read now.
func (e *End) TryRead(p []byte) (int, error) {
	f := e.in
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.dropped:
		return 0, net.ErrClosed
	case len(f.b) > 0:
		return f.take(p), nil
	case f.eof:
		return 0, io.EOF
	}
	return 0, nonblock.ErrWouldBlock
}

// TryWrite writes as much of p and then of more as there is room for.
func (e *End) TryWrite(p, more []byte) (n int, err error) {
	f := e.out
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range [...][]byte{p, more} {
		switch {
		case f.eof:
			return n, net.ErrClosed
		case f.dropped:
			return n, io.ErrClosedPipe
		}
		n += f.add(p)
	}
	return n, nil
}

// Readable reports whether there is something to read, and whether there is an end, now or behind that.
func (e *End) Readable() (readable, ended bool) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return len(e.in.b) > 0 || e.in.eof, e.in.eof
}

// Writable reports whether a write would not wait.
func (e *End) Writable() bool {
	f := e.out
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.eof || f.dropped || len(f.b) < f.size
}
