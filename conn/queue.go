package conn

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed60239977/websocket/internal/ctxmutex"
	"github.com/seed60239977/websocket/internal/flush"
	"github.com/seed60239977/websocket/protocol"
)

// sendQueue is the sending half of a connection. Frames are queued in the order in which they are to go out, and whoever
// writes takes all of them at once: so those who come while one writes leave their frames for the next write, which serves
// them all.
//
// Two things are waited for. The turn is whose message comes next: it is held while a message is compressed, or goes out in
// fragments, or from where the caller has it. Most messages are queued in one step and need none. The right to write is the
// flusher's to give, see flush.go.
//
// Invariants: nobody waits for anything, compresses or writes while holding mu. While cold.deferred is not empty, somebody
// holds the turn, and queues these messages before giving it back.
type sendQueue struct {
	turn ctxmutex.Mutex
	hot  hotState

	mu      sync.Mutex // guards all below, and what else says so; held for a moment only
	holder  holder
	refused bool // the network has refused a write: cold.refusal says why
	hurried bool // corked frames wait
	// observed says that Config.Observer is not nil. It never changes, and needs no mu.
	observed bool

	sender  protocol.Sender
	flusher flush.Flusher
}

// hotState is what is asked without mu for each message, in one word.
type hotState struct{ word atomic.Uint32 }

// The parts of a hotState.
const (
	growthBits uint32 = 1<<16 - 1 // how much the history of compression may still grow, in bytes; set by whoever has the turn
	hotCorked  uint32 = 1 << 16   // Serve is at work: frames wait for those of the next messages
)

func (h *hotState) has(flag uint32) bool { return h.word.Load()&flag != 0 }

func (h *hotState) set(flag uint32) { h.word.Or(flag) }

func (h *hotState) clear(flag uint32) { h.word.And(^flag) }

// grows reports whether the history of compression may still grow.
func (h *hotState) grows() bool { return h.has(growthBits) }

// grew notes that n bytes were compressed.
func (h *hotState) grew(n int) {
	h.word.Add(-uint32(min(n, int(h.word.Load()&growthBits))))
}

// holder says what whoever has the turn does at the moment, as far as Close wants to know.
type holder uint8

const (
	turnSends   holder = iota // nobody has it, or sends a message
	turnPacks                 // compresses a message
	turnUnbegun               // is a Writer that has not sent anything
)

// outgoing is a message, or a fragment of one.
type outgoing struct {
	typ      MessageType
	fin      bool
	deep     bool // the stack is a fresh one
	payload  []byte
	prepared *Prepared    // what payload is of, or nil
	sum      *MessageSize // of the message that this is a fragment of, if that is observed; else nil
}

// size returns how many bytes a frame of m is, or a few more.
func (m *outgoing) size() int { return maxHeader + len(m.payload) }

// beginTurn makes the next message the caller's. The caller holds mu, which is given up while it waits.
func (c *Conn) beginTurn(ctx context.Context) error {
	o := &c.out
	if o.turn.TryLock() {
		return nil
	}
	ended := c.done()
	o.mu.Unlock()
	err := o.turn.Lock(ctx, ended)
	o.mu.Lock()
	if err != nil {
		return c.ended(err)
	}
	return nil
}

// passTurn waits for the turn and gives it back, so that what was put off is queued. The caller holds mu, which is given up meanwhile.
func (c *Conn) passTurn(ctx context.Context) error {
	if err := c.beginTurn(ctx); err != nil {
		return err
	}
	c.endTurn()
	return nil
}

// endTurn queues what was put off during the turn, and gives it back. The caller holds mu, which is given up while it
// compresses.
func (c *Conn) endTurn() {
	o := &c.out
	o.holder = turnSends
	waited := c.cold.waitsForTurn()
	if waited {
		c.queueDeferred()
	}
	if c.end.Load() != nil {
		o.sender.ReleasePacker()
	}
	o.turn.Unlock()
	if waited {
		c.scheduleFlush(nil) // which may give mu up, so that it comes last: nothing is put off any more
	}
}

// waitsForTurn reports whether there is something to queue when the turn is given back. The caller holds mu.
func (r *cold) waitsForTurn() bool { return r != nil && (len(r.deferred) > 0 || r.closeFrame != nil) }

// queueDeferred queues what was put off, and the close frame behind it. The caller holds the turn and mu, which is given up
// while it compresses.
func (c *Conn) queueDeferred() {
	r := c.cold
	for !c.out.sender.InMessage() && c.out.sender.Err() == nil && len(r.deferred) > 0 {
		m := r.deferred[0]
		r.deferred[0] = outgoing{}
		r.deferred = r.deferred[1:]
		r.deferredBytes -= m.size()
		if c.refusal() != nil || c.pack(&m) != nil {
			break
		}
	}
	if len(r.deferred) == 0 {
		r.deferred = nil
	}
	c.queueLateClose()
}

// deferMessage keeps m until the turn is given back. A caller's payload is copied; a prepared one never changes. The caller
// holds mu.
func (c *Conn) deferMessage(m *outgoing) {
	kept := *m
	if m.prepared == nil {
		kept.payload = append([]byte(nil), m.payload...)
	}
	r := c.coldState()
	r.deferred = append(r.deferred, kept)
	r.deferredBytes += m.size()
}

// queue queues a message that is not to be compressed. The caller holds mu.
func (c *Conn) queue(m *outgoing) (err error) {
	o := &c.out
	if m.prepared != nil && !o.sender.Role().Masks() {
		err = o.sender.Encoded(m.prepared.plain)
	} else {
		err = o.sender.Fragment(m.typ, m.payload, m.fin)
	}
	if o.observed && err == nil {
		c.observeSent(m, len(m.payload))
	}
	return err
}

// buffered returns how many bytes were accepted and are not on the wire. The caller holds mu.
func (c *Conn) buffered() int64 {
	n := c.out.sender.Buffered()
	if c.cold != nil {
		n += int64(c.cold.deferredBytes)
	}
	return n
}

// BufferedAmount returns how many bytes of frames were accepted and are not yet on the wire, like a browser's
// bufferedAmount but with the frames' headers.
func (c *Conn) BufferedAmount() int64 {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.buffered()
}

// closeFrame is a close frame that waits for what was accepted before it to be compressed.
type closeFrame struct {
	code   StatusCode
	reason string
}

// queueLateClose queues the close frame that waits, if there is one. The caller holds out.mu.
func (c *Conn) queueLateClose() {
	if c.cold == nil || c.cold.closeFrame == nil {
		return
	}
	f := c.cold.closeFrame
	c.cold.closeFrame = nil
	c.out.sender.Close(f.code, f.reason)
}
