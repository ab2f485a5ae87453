package conn

import (
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// SetWriteCompression sets whether messages sent from now on are compressed, and how hard. level replaces the Level of the
// connection's options; their MinSize stays. A message that a [Conn.Writer] has begun to send is not affected. If compression
// was not agreed on, nothing changes. An invalid level is refused with a [*deflate.OptionsError].
//
// The first message after a change of level is compressed without reference to earlier ones.
func (c *Conn) SetWriteCompression(enabled bool, level deflate.Level) error {
	if err := (&deflate.Options{Level: level}).Validate(); err != nil {
		return err
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.sender.SetCompression(enabled, level)
	return nil
}

// packs reports whether m is to be compressed. The caller holds mu.
func (c *Conn) packs(m *outgoing) bool { return c.out.sender.Packs(len(m.payload), m.fin) }

// pack compresses m if that is asked for, and queues it. The caller holds the turn and mu, which is given up while it
// compresses.
func (c *Conn) pack(m *outgoing) error {
	o := &c.out
	if !c.packs(m) {
		return c.queue(m)
	}
	o.sender.Settle()
	before := o.holder
	o.holder = turnPacks
	o.mu.Unlock()
	var packed *buffer.Buffer
	if m.prepared != nil {
		packed = c.packPrepared(m)
	} else { // not in a function of its own: see nextPart about stacks
		packed = buffer.Get(protocol.PackedBound(len(m.payload)))
		packed.B = o.sender.Compressor().AppendPart(packed.B, m.payload, m.fin)
	}
	o.mu.Lock()
	o.holder = before
	err := c.refusal()
	if err == nil {
		o.sender.Reserve(len(packed.B)) // here, where the stack is not deep yet
		err = c.queuePacked(m, packed.B)
	}
	packed.Release()
	return err
}

// packPrepared returns a prepared message compressed. The caller has the turn.
//
//go:noinline
func (c *Conn) packPrepared(m *outgoing) *buffer.Buffer {
	packed := m.prepared.packed(c.out.sender.Form())
	c.out.sender.Commit(m.payload)
	return packed
}

// queuePacked queues m, which was compressed. The caller has the turn and holds mu.
//
//go:noinline
func (c *Conn) queuePacked(m *outgoing, packed []byte) error {
	o := &c.out
	if o.hot.grows() {
		o.hot.grew(len(m.payload))
	}
	if !m.fin { // else it is behind what was put off
		c.queueLateClose()
	}
	if o.sender.Packed(m.typ, packed, m.fin) != nil {
		return c.sendable() // meanwhile a close frame was sent
	}
	if o.observed {
		c.observeSent(m, len(packed))
	}
	return nil
}
