package conn

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// A connection that an event loop drives is the same Conn with another transport: reading for the loop never waits, but returns
// nonblock.ErrWouldBlock, which ends the call as a context would, and the next call goes on from there. What cannot be
// written is left to the loop as well, instead of a goroutine that waits.

// ErrEventDriven is returned by calls that read from a connection that an event loop reads from.
var ErrEventDriven = errors.New("websocket: an event loop reads from this connection")

// Driven is a connection as its event loop sees it. It is for package event; programs use the [Conn].
type Driven struct{ c *Conn }

// DrivenMemory is the memory of a connection that an event loop drives: the loop keeps it together with its own, which is less in
// all. The zero value is ready for use.
type DrivenMemory struct{ driven driven }

// Open makes a connection that an event loop drives, on nc, which belongs to that loop. n and cfg are as for [Server]. It is to be
// called once.
func (m *DrivenMemory) Open(nc nonblock.Conn, role frame.Role, n *Negotiated, cfg *Config) Driven {
	m.driven.conn.init(nc, role, n, cfg, &m.driven)
	return m.Driven()
}

// Driven returns the connection, which must have been opened.
func (m *DrivenMemory) Driven() Driven { return Driven{&m.driven.conn} }

// Conn returns the connection.
func (d Driven) Conn() *Conn { return d.c }

// EventDriven reports whether an event loop reads from the connection. If so, the connection has no goroutine, and all calls
// that read return [ErrEventDriven].
func (c *Conn) EventDriven() bool { return c.driven() != nil }

// driven returns the transport of a connection that an event loop drives, or nil.
func (c *Conn) driven() *driven {
	d, _ := c.transport.(*driven)
	return d
}

// polling returns the transport if reading must not wait, or nil. The caller holds reading.
func (c *Conn) polling() *driven {
	if d := c.driven(); d != nil && d.polling {
		return d
	}
	return nil
}

// driven is a connection that an event loop drives, and its transport. Anybody may look at value and flags; all else belongs to
// whoever reads.
type driven struct {
	conn    Conn
	value   atomic.Pointer[any] // Conn.SetValue
	flags   atomic.Uint32
	polling bool    // whoever reads must not wait
	arrived Arrived // what the network still has, as far as is known
	handled bool    // a message was handled in this turn
	reads   uint8   // how often more may be read in this turn
}

// The bits of driven.flags.
const (
	flagDetached uint32 = 1 << iota // the callback is slow: nothing is corked
	flagPaused                      // nothing is read until more is written
)

// nc is the network connection.
func (d *driven) nc() nonblock.Conn { return d.conn.nc.(nonblock.Conn) }

func (d *driven) has(flag uint32) bool { return d.flags.Load()&flag != 0 }

// maxPolledReads is how often in a row one connection is read from before the others of its loop have their turn.
const maxPolledReads = 4

// beginTurn begins a turn of reading that must not wait. The caller holds reading.
func (d *driven) beginTurn(a Arrived) {
	d.polling, d.arrived, d.handled, d.reads = true, a, false, maxPolledReads
}

func (d *driven) read(in *readBuffer) error {
	for {
		if err := d.stop(); err != nil {
			in.idle()
			return err
		}
		in.prepare()
		p := in.free()
		n, err := d.nc().TryRead(p)
		if n > 0 {
			d.reads--
			if n < len(p) && d.arrived != ArrivedEnd { // the socket is empty: the loop will hear of what comes next
				d.arrived = ArrivedNothing
			}
			in.received(n)
			return nil
		}
		if err != nonblock.ErrWouldBlock || d.polling {
			in.idle()
			return err
		}
		if err := d.nc().AwaitRead(); err != nil {
			in.idle()
			return err
		}
	}
}

// stop returns why nothing more is read in this turn, or nil.
func (d *driven) stop() error {
	switch {
	case !d.polling:
		return nil
	case d.arrived == ArrivedNothing:
		return nonblock.ErrWouldBlock
	case d.reads == 0:
		return nonblock.ErrTurnOver
	}
	return nil
}

func (d *driven) write(s *protocol.Sender, _ bool) (int, error) {
	p, more := s.Pending()
	return d.nc().TryWrite(p, more)
}

// resumable: what was not written is known.
func (d *driven) resumable() bool { return true }

// Arrived is what the network has for a connection, as far as its event loop knows.
type Arrived uint8

// What may have arrived.
const (
	ArrivedNothing Arrived = iota // nothing since a read that was short; the connection may have something of before
	ArrivedBytes                  // there may be bytes to read
	ArrivedEnd                    // there may be, and the peer has closed its side behind them
)

// Progress says how [Driven.Advance] ended.
type Progress uint8

// How Advance may end.
const (
	Drained Progress = iota // all that has arrived was dealt with: go on when more comes
	More                    // others should have their turn, and then this one again
	Paused                  // nothing is read until the loop is asked to go on: nonblock.Conn.Resume
	Busy                    // somebody else reads, which is Close
	Over                    // the connection has ended, or handle has returned an error
)

// Advance deals with what has arrived, and calls handle for each message, as [Conn.Serve] does. It does not wait for the
// network; handle may. The first call, once the connection is to read, begins to wait for its peer, and must come even if
// nothing has arrived. An error, with Over, is that of handle. It is for one goroutine at a time.
func (d Driven) Advance(a Arrived, handle func(c *Conn, m Message) error) (Progress, error) {
	c := d.c
	if !c.reading.TryLock() {
		return Busy, nil
	}
	t := c.driven()
	if t.has(flagPaused) && !c.read.finishing {
		if a != ArrivedNothing {
			c.beat.alive()
		}
		c.reading.Unlock()
		return Paused, nil
	}
	t.flags.And(^flagDetached)
	t.beginTurn(a)
	for l := new(loan); ; {
		if err := c.lendNext(context.Background(), l, true, true); err != nil {
			return c.progress(err), nil
		}
		err := handle(c, l.message())
		holds := c.giveBack(l)
		switch {
		case holds && err == nil:
			t.polling, t.handled = true, true
			continue
		case holds:
			c.endRead()
		}
		c.uncork()
		if err != nil || c.Err() != nil {
			return Over, err
		}
		return Busy, nil
	}
}

// progress is how reading came to stop.
func (c *Conn) progress(err error) Progress {
	switch {
	case err == nonblock.ErrTurnOver:
		return More
	case err != nonblock.ErrWouldBlock:
		return Over
	case c.driven().has(flagPaused):
		return Paused
	}
	return Drained
}

// Drop is Advance for what arrives once nobody wants it any more.
func (d Driven) Drop(a Arrived) Progress {
	p, _ := d.Advance(a, func(*Conn, Message) error { return nil })
	return p
}

// Detach tells the connection that its callback takes long, so that what it has corked goes out now, and what it still sends
// at once.
func (d Driven) Detach() {
	d.c.driven().flags.Or(flagDetached)
	d.c.uncork()
}

// Writable tells the connection that the network takes more, after it has asked by nonblock.Conn.AwaitWrite. It does not
// wait for the network.
func (d Driven) Writable() {
	c := d.c
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.flusher.Unblock() {
		c.finishWriting()
	}
}

// pauseReading makes the loop stop reading until what was taken to be written is written. For a limit that holds for who waits
// for the peer, this is waiting for it. The caller holds reading and out.mu.
func (c *Conn) pauseReading() error {
	c.beat.wait()
	c.driven().flags.Or(flagPaused)
	return nonblock.ErrWouldBlock
}

// resumeReading ends that, if it is time, after n bytes were written. The caller holds out.mu.
func (c *Conn) resumeReading(n int) {
	if c.driven() != nil { // this is inlined, and the rest is not
		c.resumeDriven(n)
	}
}

func (c *Conn) resumeDriven(n int) {
	d := c.driven()
	if !d.has(flagPaused) {
		return
	}
	if n > 0 {
		c.beat.alive()
	}
	if !c.out.sender.Taken() && !c.out.sender.Full() {
		d.flags.And(^flagPaused)
		d.nc().Resume()
	}
}

// flushPolled is flushCorked where nothing waits. A peer that does not read is not read from either while its answers fill
// the queue. The caller holds reading.
func (c *Conn) flushPolled(d *driven) error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hot.clear(hotCorked)
	c.flushNow()
	if d.handled && !o.refused && o.sender.Buffered() >= protocol.MaxQueued {
		return c.pauseReading()
	}
	return nil
}

// finishPolled is the step Flush of finish where nothing waits. The caller holds reading and out.mu, which is given up
// meanwhile.
func (c *Conn) finishPolled() error {
	c.flushNow()
	if !c.out.refused && (c.cold.closeFrame != nil || c.out.sender.Buffered() > 0) {
		return c.pauseReading()
	}
	return nil
}

// unblock ends the wait of a connection that has ended for the network to take more. The caller holds out.mu.
func (c *Conn) unblock() {
	if c.driven() != nil && c.out.flusher.Unblock() {
		c.out.sender.DropTaken()
		c.out.flusher.End(false)
	}
}

// afterFunc has f called once d has passed, by the timers of the event loop if there is one.
func (c *Conn) afterFunc(d time.Duration, f func()) nonblock.Timer {
	if t := c.driven(); t != nil {
		return t.nc().AfterFunc(d, f)
	}
	return time.AfterFunc(d, f)
}
