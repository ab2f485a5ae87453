package conn

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/mask"
)

// output is the sending half of a connection. Frames are encoded into pending, in the order in which they are to go out;
// whoever holds flushing takes all of pending and writes it at once. So goroutines that come while one writes leave
// their frames for the next write, which serves them all.
type output struct {
	message slot // held by Write and Writer, so that messages wait for their turn in order

	mu       sync.Mutex // guards the fields up to the next blank line; held for a moment only
	pending  *buffer    // encoded frames
	queued   int64      // octets that were ever added to pending
	sent     int64      // octets of them that are on the wire; only who holds flushing changes it
	packer   *packer    // compresses; nil: not agreed to. The pointer never changes
	open     bool       // the last fragment of a message is still to come (§5.4)
	packing  bool       // the message that is open is compressed
	unbegun  bool       // the message that is open is that of a Writer that has not sent anything
	pongs    uint8      // pongs in pending
	piled    bool       // rare.newest is to be answered
	hurrying bool       // rare.hurry is set: pending has gathered frames
	broken   bool       // the network has refused a write; set under mu by who holds flushing, read with either

	kicked atomic.Bool // somebody left frames and does not wait for them
	gather atomic.Bool // Serve is at work: frames wait for those of the next messages

	later    slot    // held from kickLater until the goroutine that it starts runs
	flushing slot    // held while writing to the net.Conn
	current  *buffer // what is being written: current.b[current.written:] is still to come
}

// outgoing is a message, or a fragment of one.
type outgoing struct {
	opcode   frame.Opcode
	fin      bool
	rsv      frame.RSV
	payload  []byte
	prepared *Prepared // what payload is of, or nil
	ping     *ping     // waits for its pong once it is encoded; nil for all else
}

// size returns how many octets a frame of o is, or a few more.
func (o *outgoing) size() int { return frame.MaxHeaderSize + len(o.payload) }

// maxPending is how many octets may wait in pending before senders wait themselves.
const maxPending = 64 << 10

// maxPongs is how many pongs may wait in pending before only the newest ping is answered (§5.5.3).
const maxPongs = 16

// hasRoom reports whether more may be added to pending. The caller holds mu.
func (o *output) hasRoom() bool { return o.pending == nil || len(o.pending.b) < maxPending }

// enqueue encodes a message, a fragment or a control frame once there is room. It returns the value of sent at which that
// is on the wire. For a message or a fragment the caller holds out.message; control frames "MAY be injected in the middle
// of a fragmented message" (§5.4).
func (c *Conn) enqueue(ctx context.Context, m *outgoing) (end int64, err error) {
	if err := c.lockWithRoom(ctx); err != nil {
		return notAccepted, err
	}
	if m.prepared == nil {
		c.room(c.out.bound(m)) // here, where the stack is not deep yet
	}
	switch {
	case m.opcode.IsControl():
		c.encodeControl(m)
	case c.out.grows(m):
		c.encodeAside(m)
	default:
		c.encodeMessage(m)
	}
	c.encodeDeferred()
	end = c.out.queued
	c.out.mu.Unlock()
	return end, nil
}

// encodeControl adds a control frame. The caller holds out.mu.
func (c *Conn) encodeControl(m *outgoing) {
	if m.ping != nil {
		r := c.rarely()
		r.pings = append(r.pings, m.ping)
	}
	c.encode(m)
}

// lockWithRoom waits for room and returns with out.mu held, or with an error.
func (c *Conn) lockWithRoom(ctx context.Context) error {
	for {
		c.out.mu.Lock()
		err := c.sendable()
		if err == nil && c.out.hasRoom() {
			return nil
		}
		end := c.out.queued
		c.out.mu.Unlock()
		if err == nil {
			err = c.flush(ctx, end)
		}
		if err != nil {
			return err
		}
	}
}

// encodeMessage is the seam that every octet of a message passes on its way out, in the order in which messages go. It
// may use m up. The caller holds out.mu.
//
// It compresses as it encodes. What was compressed is part of the context for all that follows (RFC 7692 §7.2.1), so it
// must be sent: nothing takes frames out of pending.
func (c *Conn) encodeMessage(m *outgoing) {
	o := &c.out
	o.open, o.packing, o.unbegun = !m.fin, o.packs(m), false
	if o.packing && m.opcode != frame.Continuation {
		m.rsv = frame.RSV1 // on the first frame alone (RFC 7692 §6.1)
	}
	var packed *buffer
	switch {
	case !o.packing && m.prepared != nil && !c.role().Masks():
		c.encodePlain(&m.prepared.plain)
		return
	case !o.packing:
	case m.prepared != nil:
		o.packer.Commit(m.payload)
		m.payload = m.prepared.compressed(o.packer.form)
	default:
		packed = getBuffer(compressBound(len(m.payload)))
		packed.b = o.packer.AppendPart(packed.b, m.payload, m.fin)
		m.payload = packed.b
		c.room(m.size()) // here, where the stack is not as deep as in encode
	}
	c.encode(m)
	packed.release()
}

// encodeDeferred encodes what Send took while a message was open, which no longer is. The caller holds out.mu.
func (c *Conn) encodeDeferred() {
	if c.rare == nil || c.out.open {
		return
	}
	if p := c.out.packer; p != nil && p.level != p.form.level {
		p.settle()
	}
	for i := range c.rare.deferred {
		c.encodeMessage(&c.rare.deferred[i])
	}
	c.rare.deferred, c.rare.waiting = nil, 0
}

// encodePlain adds a frame that is encoded already, without a copy if it is the only one. The caller holds out.mu.
func (c *Conn) encodePlain(shared *buffer) {
	o := &c.out
	if o.pending == nil {
		o.pending = shared
	} else {
		o.pending = o.pending.add(shared.b)
	}
	o.queued += int64(len(shared.b))
}

// packs reports whether m is to be compressed. The caller holds mu.
func (o *output) packs(m *outgoing) bool {
	if m.opcode == frame.Continuation {
		return o.packing
	}
	return o.packer != nil && !o.packer.off && (!m.fin || o.packer.Worthwhile(len(m.payload)))
}

// grows reports whether encodeMessage may need memory for a history, and so much of the stack. The caller holds mu.
func (o *output) grows(m *outgoing) bool {
	return o.packer != nil && o.packer.Growing() && o.packs(m)
}

// compressBound is the most that n octets become when they are compressed, which is a little more than they were.
func compressBound(n int) int { return n + n/1024 + 64 }

// bound returns how much m takes in pending, unless it is prepared. Of a message that is to be compressed that is a guess.
func (o *output) bound(m *outgoing) int {
	if !o.packs(m) {
		return m.size()
	}
	return frame.MaxHeaderSize + min(compressBound(len(m.payload)), smallestBuffer/2)
}

// room makes room for n octets in pending. The caller holds out.mu.
func (c *Conn) room(n int) {
	if c.out.pending == nil {
		c.out.pending = getBuffer(n)
	} else {
		c.out.pending = c.out.pending.grow(n)
	}
}

// sendable returns why nothing more may be sent, or nil. The caller holds out.mu.
func (c *Conn) sendable() error {
	if e := c.end.Load(); e != nil {
		return e
	}
	if c.rare != nil && c.rare.closing.sent {
		return closeSentError{own: c.rare.closing.own}
	}
	if c.out.broken {
		return c.rare.refused
	}
	return nil
}

// encode adds one frame to pending. Header and payload lie in one buffer, so that one write sends both, and masking
// works on that copy. The caller holds out.mu.
func (c *Conn) encode(m *outgoing) {
	c.room(m.size())
	h := frame.Header{Fin: m.fin, RSV: m.rsv, Opcode: m.opcode, Masked: c.role().Masks(), Length: int64(len(m.payload))}
	if h.Masked {
		randomOctets(h.Key[:])
	}
	o := &c.out
	b := h.Append(o.pending.b)
	start := len(b)
	b = b[:start+len(m.payload)]
	if h.Masked {
		mask.Copy(b[start:], m.payload, h.Key, 0)
	} else {
		copy(b[start:], m.payload)
	}
	o.queued += int64(len(b) - len(o.pending.b))
	o.pending.b = b
}

// flush returns when everything up to end is on the wire, or the error of ctx if that ends first.
func (c *Conn) flush(ctx context.Context, end int64) error {
	for {
		if err := c.acquire(ctx, &c.out.flushing); err != nil {
			return c.gaveUp(err)
		}
		if err := c.Err(); err != nil {
			c.stopFlushing()
			return err
		}
		var cut error
		if !c.out.reached(end) {
			if c.out.broken {
				c.stopFlushing()
				return c.refusal()
			}
			if ctx.Done() != nil && !c.src.cuttable() {
				c.spawn((*Conn).flushOnce) // only the waiting for it is cut
				continue
			}
			if cut = c.calls.Begin(ctx, c.nc, interrupt.Writing); cut == nil {
				if c.takePending() {
					n, err := c.src.write(c.out.rest(), nil, true)
					c.wrote(ctx, n, err)
				}
				c.calls.End(interrupt.Writing)
				cut = ctx.Err()
			}
		}
		done := c.out.reached(end)
		if !done && cut != nil {
			c.out.kicked.Store(true) // what was accepted goes out although nobody waits for it any more
		}
		c.stopFlushing()
		if done {
			return nil
		}
		if err := c.ended(cut); err != nil {
			return err
		}
	}
}

// reached reports whether everything up to end is on the wire. The caller holds flushing, without which sent does not
// change.
func (o *output) reached(end int64) bool { return o.sent >= end }

// kick sees to it that what is pending goes out without anybody waiting for it.
func (c *Conn) kick() {
	c.out.kicked.Store(true)
	for c.toFlush() && c.out.flushing.tryAcquire() {
		if !c.writePending(context.Background(), false) {
			c.spawn((*Conn).flushOnce)
			return
		}
		c.releaseFlushing()
	}
}

// toFlush reports whether frames wait that nobody else sees to.
func (c *Conn) toFlush() bool { return c.out.kicked.Load() && c.end.Load() == nil }

// flushOnce makes one write. It is started by one who holds flushing, and gives it back. CloseNow, which makes the write
// end, waits for that.
func (c *Conn) flushOnce() {
	c.writePending(context.Background(), true)
	c.stopFlushing()
}

// gaveUp is called when flushing was not waited for until the end. What was accepted goes out all the same, by whoever
// holds flushing; that may have been handed over to us just then.
func (c *Conn) gaveUp(err error) error {
	c.kick()
	return c.ended(err)
}

// stopFlushing gives flushing back, and sees to the frames of those who came meanwhile and do not wait.
func (c *Conn) stopFlushing() {
	c.releaseFlushing()
	if c.toFlush() {
		c.kick()
	}
}

// releaseFlushing gives flushing back.
func (c *Conn) releaseFlushing() {
	if c.end.Load() != nil {
		c.out.current.release()
		c.out.current = nil
		c.calls.Forget(interrupt.Writing)
	}
	c.out.flushing.release()
}

// advance takes note that the next n octets of current were written. The caller holds flushing.
func (o *output) advance(n int) {
	switch {
	case n == len(o.rest()):
		o.current.release()
		o.current = nil
	case n == 0: // nothing was possible without waiting
	case o.current.shared:
		o.current = &buffer{b: o.current.b[n:], shared: true}
	default:
		o.current.written += n
	}
}

// writePending makes one write of what was left by the last one, or else of all that is pending. If wait is not set, it is
// of as much as the network takes now. An error ends sending, unless it is that ctx has cut the write. It reports
// whether nothing of it is left to write. The caller holds flushing.
func (c *Conn) writePending(ctx context.Context, wait bool) (done bool) {
	if c.out.broken {
		c.out.kicked.Store(false)
		return true
	}
	if c.end.Load() != nil || !c.takePending() {
		return true
	}
	n, err := c.src.write(c.out.rest(), nil, wait)
	c.wrote(ctx, n, err)
	return c.out.current == nil || err != nil
}

// rest is what is still to be written of current.
func (o *output) rest() []byte { return o.current.b[o.current.written:] }

// wrote takes note of a write of n octets of current and what was behind it, and of the write's error. It returns how many
// of them were behind it.
func (c *Conn) wrote(ctx context.Context, n int, err error) (behind int) {
	o := &c.out
	behind = max(0, n-len(o.rest()))
	o.advance(n - behind)
	o.mu.Lock()
	o.sent += int64(n)
	o.mu.Unlock()
	switch {
	case err == nil:
	case ctx.Err() == nil || !isTimeout(err):
		c.writeFailed(err)
	case o.current != nil:
		o.kicked.Store(true) // there may be frames in it of those who do not wait
	}
	return behind
}

// takePending makes all that is pending current, unless something was left there by a write that was cut. It reports
// whether there is anything to write. The caller holds flushing.
func (c *Conn) takePending() bool {
	o := &c.out
	if o.current != nil {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c.take()
	return o.current != nil
}

// take is takePending for who holds out.mu, too, and found no current.
func (c *Conn) take() {
	o := &c.out
	if o.piled && !c.rare.closing.sent {
		c.encode(&outgoing{opcode: frame.Pong, fin: true, payload: c.rare.newest})
	}
	o.current, o.pending = o.pending, nil
	o.pongs, o.piled = 0, false
	o.kicked.Store(false)
	if o.hurrying {
		c.rare.hurry.Stop()
		o.hurrying = false
	}
}
