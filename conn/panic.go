package conn

import (
	"fmt"
	"runtime/debug"
)

// Functions of an Observer and of OnEnd run in the middle of a call that reads or writes, which has things locked. If one panics,
// that call does its work all the same, and others go on with the connection. Once it has given back everything it panics in turn:
// until then the panic is kept. One on a goroutine of the connection is kept for the next call.

// keptPanic is what such a function has panicked with.
type keptPanic struct {
	value any
	stack []byte // of the function
}

// Error gives the value, and where the function has panicked.
func (p *keptPanic) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// Unwrap returns the value if it is an error.
func (p *keptPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// keepPanic is deferred by whoever calls such a function and holds no out.mu.
func (c *Conn) keepPanic() {
	if v := recover(); v != nil {
		c.out.mu.Lock()
		c.keep(v)
		c.out.mu.Unlock()
	}
}

// keepPanicLocked is keepPanic for a caller that holds out.mu.
func (c *Conn) keepPanicLocked() {
	if v := recover(); v != nil {
		c.keep(v)
	}
}

// keep keeps the first of several panics. The caller holds out.mu.
func (c *Conn) keep(v any) {
	if r := c.coldState(); r.panicked == nil {
		r.panicked = &keptPanic{v, debug.Stack()}
		c.out.hot.set(hotPanicked)
	}
}

// keepReadersPanic is keepPanic for who holds reading, and what endRead is to panic with.
func (c *Conn) keepReadersPanic() {
	if v := recover(); v != nil {
		c.read.hold().panicked = &keptPanic{v, debug.Stack()}
	}
}

// panicked reports whether a panic is kept, but for that of a reader.
func (c *Conn) panicked() bool { return c.out.hot.has(hotPanicked) }

// takePanic returns the panic that is kept, which is the caller's from now on, or nil. The caller holds out.mu.
func (c *Conn) takePanic() *keptPanic {
	if !c.panicked() {
		return nil
	}
	p := c.cold.panicked
	c.cold.panicked = nil
	c.out.hot.clear(hotPanicked)
	return p
}

// unlock gives up out.mu at the end of a call that holds nothing else, and panics if it is time to.
func (c *Conn) unlock() {
	if c.panicked() {
		c.unlockPanicking()
	} else {
		c.out.mu.Unlock()
	}
}

//go:noinline
func (c *Conn) unlockPanicking() {
	p := c.takePanic()
	c.out.mu.Unlock()
	panic(p)
}

// goOnPanicking is unlock for a call that does not hold out.mu either.
func (c *Conn) goOnPanicking() {
	if c.panicked() {
		c.out.mu.Lock()
		c.unlock()
	}
}

// unlockReading is unlock for who holds reading: endRead panics.
func (c *Conn) unlockReading() {
	p := c.takePanic()
	c.out.mu.Unlock()
	if p != nil {
		c.read.hold().panicked = p
	}
}

// panicReading is the end of endRead.
//
//go:noinline
func (c *Conn) panicReading(p *keptPanic) {
	if p != nil {
		panic(p)
	}
	c.goOnPanicking()
}
