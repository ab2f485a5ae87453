package pipe

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// DefaultSize is how many bytes a pipe holds in each direction before writes wait, unless a test says otherwise.
const DefaultSize = 64 << 10

// New returns two connected ends. Unlike net.Pipe it buffers, as a socket does: up to size bytes in each direction,
// [DefaultSize] if size is 0. Either end may close its writing side alone, as a TCP connection may. Inside a
// testing/synctest bubble all waiting is durable.
func New(size int) (*End, *End) {
	if size == 0 {
		size = DefaultSize
	}
	ab, ba := newFlow(size), newFlow(size)
	return &End{in: ba, out: ab}, &End{in: ab, out: ba}
}

// End is one end of a pipe.
type End struct {
	in, out *flow
}

// flow is one direction of a pipe.
type flow struct {
	mu        sync.Mutex
	changed   *sync.Cond
	size      int
	b         []byte           // what was written and not read
	mem       []byte           // the memory of b from its start, of length 0
	eof       bool             // the writing end is closed
	dropped   bool             // the reading end is closed
	reader    func(ended bool) // told when bytes arrive, and of the end; nil: nobody
	writer    func()           // told when there is room again that there was not; nil: nobody
	readStop  deadline
	writeStop deadline
}

func newFlow(size int) *flow {
	f := &flow{size: size}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// deadline is guarded by the mu of its flow.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (f *flow) setDeadline(d *deadline, t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.changed.Broadcast()
		})
	}
	f.changed.Broadcast()
}

// add adds as much of p as there is room for. The caller holds mu.
func (f *flow) add(p []byte) int {
	n := min(f.size-len(f.b), len(p))
	if n > 0 {
		f.makeRoom(n)
		f.b = append(f.b, p[:n]...)
		f.changed.Broadcast()
		f.tellReader()
	}
	return n
}

// makeRoom makes room for n more bytes in the memory that is there, if all of them fit: then a pipe takes no memory for what goes
// through it, and a test that counts what is allocated sees only what others do. The caller holds mu.
func (f *flow) makeRoom(n int) {
	whole := len(f.b) + n
	if whole > cap(f.mem) {
		f.mem = make([]byte, 0, min(max(2*cap(f.mem), whole), f.size))
	}
	if whole > cap(f.b) {
		f.b = append(f.mem, f.b...)
	}
}

// take moves what there is to p. The caller holds mu.
func (f *flow) take(p []byte) int {
	full := len(f.b) == f.size
	n := copy(p, f.b)
	f.b = f.b[n:]
	f.changed.Broadcast()
	if full && n > 0 {
		f.tellWriter()
	}
	return n
}

func (f *flow) tellReader() {
	if f.reader != nil {
		f.reader(f.eof)
	}
}

func (f *flow) tellWriter() {
	if f.writer != nil {
		f.writer()
	}
}

// Read implements [net.Conn].
func (e *End) Read(p []byte) (int, error) {
	f := e.in
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.dropped:
			return 0, net.ErrClosed
		case f.readStop.passed():
			return 0, os.ErrDeadlineExceeded
		case len(f.b) > 0:
			return f.take(p), nil
		case f.eof:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		f.changed.Wait()
	}
}

// Write implements [net.Conn].
func (e *End) Write(p []byte) (n int, err error) {
	f := e.out
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.eof:
			return n, net.ErrClosed
		case f.dropped:
			return n, io.ErrClosedPipe
		case f.writeStop.passed():
			return n, os.ErrDeadlineExceeded
		}
		k := f.add(p)
		n, p = n+k, p[k:]
		if len(p) == 0 {
			return n, nil
		}
		f.changed.Wait()
	}
}

// Close implements [net.Conn].
func (e *End) Close() error {
	e.CloseWrite()
	f := e.in
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = true
	f.changed.Broadcast()
	f.tellWriter()
	return nil
}

// CloseWrite makes the other end read io.EOF once it has read all that was written.
func (e *End) CloseWrite() error {
	f := e.out
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eof = true
	f.changed.Broadcast()
	f.tellReader()
	return nil
}

// Buffered returns how many bytes were written to the other end and not read from this one.
func (e *End) Buffered() int {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return len(e.in.b)
}

// LocalAddr implements [net.Conn].
func (e *End) LocalAddr() net.Addr { return addr{} }

// RemoteAddr implements [net.Conn].
func (e *End) RemoteAddr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "pipe" }
func (addr) String() string  { return "pipe" }

// SetDeadline implements [net.Conn].
func (e *End) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.Conn].
func (e *End) SetReadDeadline(t time.Time) error {
	e.in.setDeadline(&e.in.readStop, t)
	return nil
}

// SetWriteDeadline implements [net.Conn].
func (e *End) SetWriteDeadline(t time.Time) error {
	e.out.setDeadline(&e.out.writeStop, t)
	return nil
}
