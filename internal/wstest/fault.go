package wstest

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Op is a method of a net.Conn that a [Fault] may hit.
type Op string

// The operations that are counted.
const (
	OpRead            Op = "Read"
	OpWrite           Op = "Write"
	OpSetReadDeadline Op = "SetReadDeadline"
	OpClose           Op = "Close"
	OpCloseWrite      Op = "CloseWrite"
)

// ErrFault is the usual Err of a [Fault].
var ErrFault = errors.New("fault on demand")

// Fault is what goes wrong at the Nth call of an operation, counted from 1. What it asks for happens in this order:
// first the delay, then as much of the call as Short lets through, then the error.
type Fault struct {
	Op    Op
	N     int
	Delay time.Duration
	// Short makes a Read give one byte at most, and a Write take half of its bytes.
	Short bool
	// Err is returned. Unless Short is set, nothing is read or written then. Close closes all the same, as a file
	// descriptor is gone after close(2) whatever that returns.
	Err error
}

// FaultyConn is a net.Conn in which things go wrong on demand. It also counts: with no faults it is a plain counter.
type FaultyConn struct {
	net.Conn
	faults []Fault

	mu     sync.Mutex
	calls  map[Op]int
	once   sync.Once
	closed chan struct{}
}

// Faulty wraps nc.
func Faulty(nc net.Conn, faults ...Fault) *FaultyConn {
	return &FaultyConn{Conn: nc, faults: faults, calls: map[Op]int{}, closed: make(chan struct{})}
}

// Calls returns how often op was called.
func (c *FaultyConn) Calls(op Op) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[op]
}

// next counts a call of op and returns the fault that hits it, or the zero Fault.
func (c *FaultyConn) next(op Op) Fault {
	c.mu.Lock()
	c.calls[op]++
	n := c.calls[op]
	c.mu.Unlock()
	for _, f := range c.faults {
		if f.Op == op && f.N == n {
			if f.Delay > 0 {
				select {
				case <-time.After(f.Delay):
				case <-c.closed: // which ends what blocks
				}
			}
			return f
		}
	}
	return Fault{}
}

// Read implements [net.Conn].
func (c *FaultyConn) Read(p []byte) (int, error) {
	f := c.next(OpRead)
	switch {
	case f.Short && len(p) > 0:
		n, err := c.Conn.Read(p[:1])
		return n, errors.Join(err, f.Err)
	case f.Err != nil:
		return 0, f.Err
	}
	return c.Conn.Read(p)
}

// Write implements [net.Conn].
func (c *FaultyConn) Write(p []byte) (int, error) {
	f := c.next(OpWrite)
	switch {
	case f.Short:
		n, err := c.Conn.Write(p[:len(p)/2])
		return n, errors.Join(err, f.Err)
	case f.Err != nil:
		return 0, f.Err
	}
	return c.Conn.Write(p)
}

// SetReadDeadline implements [net.Conn].
func (c *FaultyConn) SetReadDeadline(t time.Time) error {
	if f := c.next(OpSetReadDeadline); f.Err != nil {
		return f.Err
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements [net.Conn].
func (c *FaultyConn) Close() error {
	f := c.next(OpClose)
	c.once.Do(func() { close(c.closed) })
	return errors.Join(c.Conn.Close(), f.Err)
}

// CloseWrite closes the writing side, as a TCP connection does.
func (c *FaultyConn) CloseWrite() error {
	if f := c.next(OpCloseWrite); f.Err != nil {
		return f.Err
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// RefusingConn is a net.Conn that refuses to write from a moment on, as a socket does whose other end is gone.
type RefusingConn struct {
	net.Conn
	refused  atomic.Pointer[error]
	writable atomic.Pointer[func()] // whom to tell that a write does not wait
}

// Refusing wraps nc.
func Refusing(nc net.Conn) *RefusingConn { return &RefusingConn{Conn: nc} }

// Refuse makes all writes from now on fail with err, and the one that is under way.
func (c *RefusingConn) Refuse(err error) {
	c.refused.Store(&err)
	c.Conn.SetWriteDeadline(time.Unix(1, 0))
	if f := c.writable.Load(); f != nil {
		(*f)()
	}
}

// Write implements [net.Conn].
func (c *RefusingConn) Write(p []byte) (n int, err error) {
	if c.refused.Load() == nil {
		n, err = c.Conn.Write(p)
	}
	if refused := c.refused.Load(); refused != nil {
		return n, *refused
	}
	return n, err
}
