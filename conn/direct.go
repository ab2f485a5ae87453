package conn

import (
	"context"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/mask"
)

// minDirectWrite is the length in octets from which a message is written from where it lies, not by way of pending. Who does
// not mask, and has a socket, does so from gatherSize on.
const minDirectWrite = 64 << 10

// maskedPiece is how much of such a message a client masks and writes at a time.
const maskedPiece = 64 << 10

// writesDirect reports whether a message of n octets is one for writeDirect.
func (c *Conn) writesDirect(ctx context.Context, n int) bool {
	if c.out.packer != nil {
		return false
	}
	if c.src.cuttable() && !c.role().Masks() { // it takes one call, and nothing is copied
		return n >= gatherSize
	}
	return n >= minDirectWrite && (ctx.Done() == nil || c.src.cuttable())
}

// writeDirect is enqueue and flush for a long message. Nothing of it is copied if this side does not mask, and else only
// piece by piece. If ctx cuts it, the rest is copied for the next write to go on with. The caller holds out.message.
func (c *Conn) writeDirect(ctx context.Context, m *outgoing) (end int64, err error) {
	if err := c.acquire(ctx, &c.out.flushing); err != nil {
		return notAccepted, c.gaveUp(err)
	}
	defer c.stopFlushing()
	h := frame.Header{Fin: m.fin, Opcode: m.opcode, Length: int64(len(m.payload)), Masked: c.role().Masks()}
	if h.Masked {
		randomOctets(h.Key[:])
	}
	if err := c.calls.Begin(ctx, c.nc, interrupt.Writing); err != nil {
		return notAccepted, err
	}
	defer c.calls.End(interrupt.Writing)
	for {
		first, err := c.reserve(h)
		if err != nil {
			return notAccepted, err
		}
		if first {
			break
		}
		if c.writePending(ctx, true); ctx.Err() != nil {
			return notAccepted, ctx.Err()
		}
	}
	piece := frame.MaxHeaderSize
	if h.Masked {
		piece = maskedPiece
	}
	if c.out.current == nil {
		c.out.current = getBuffer(piece)
	}
	c.out.current = c.out.current.grow(frame.MaxHeaderSize)
	c.out.current.b = h.Append(c.out.current.b)
	return 0, c.writePayload(ctx, h, m.payload)
}

// reserve makes a frame the next one on the wire behind what is pending, which becomes current, if nothing was current.
// The caller holds flushing, and keeps it until the frame is written or its rest is current.
func (c *Conn) reserve(h frame.Header) (first bool, err error) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.sendable(); err != nil {
		return false, err
	}
	if o.current != nil {
		return false, nil
	}
	c.take() // what is pending goes with it, so that it cannot be overtaken for ever
	o.queued += int64(h.Size()) + h.Length
	o.open = !h.Fin
	return true, nil
}

// writePayload writes current, which ends with the header, and then the payload. The caller holds flushing.
func (c *Conn) writePayload(ctx context.Context, h frame.Header, payload []byte) error {
	o := &c.out
	for pos := 0; ; {
		if h.Masked {
			start := len(o.current.b)
			n := min(cap(o.current.b)-start, len(payload))
			o.current.b = o.current.b[:start+n]
			mask.Copy(o.current.b[start:], payload[:n], h.Key, pos)
			pos, payload = (pos+n)%4, payload[n:]
			c.writePending(ctx, true)
		} else {
			n, err := c.src.write(o.rest(), payload, true)
			payload = payload[c.wrote(ctx, n, err):]
		}
		switch {
		case c.end.Load() != nil:
			return c.end.Load()
		case o.broken:
			return c.refusal()
		case len(payload) == 0 && o.current == nil:
			return nil
		case ctx.Err() != nil:
			c.keepRest(h, pos, payload)
			return ctx.Err()
		}
		o.current = getBuffer(maskedPiece)
	}
}

// keepRest makes what a cut write has left of a frame current. The caller's payload may change once the call returns.
func (c *Conn) keepRest(h frame.Header, pos int, payload []byte) {
	o := &c.out
	if o.current == nil {
		o.current = getBuffer(len(payload))
	} else {
		o.current = o.current.grow(len(payload))
	}
	start := len(o.current.b)
	o.current.b = o.current.b[:start+len(payload)]
	mask.Copy(o.current.b[start:], payload, h.Key, pos)
	o.kicked.Store(true) // nobody waits for it
}
