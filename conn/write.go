package conn

import (
	"context"
	"math"

	"github.com/seed60239977/websocket/frame"
)

// Write sends one message in one frame and returns when it is on the wire: handed to the net.Conn. Any number of
// goroutines may write; each message goes out whole. data is not changed and not kept; text must be UTF-8 and is not
// checked.
//
// If ctx ends first, Write returns its error and the connection goes on. The message may then have been accepted: what
// was not sent of it goes out by itself, ahead of the next one. Other errors are [ErrMessageType], [ErrCloseSent],
// [*WriteError] and, once the connection has ended, the *[CloseError].
//
// A *WriteError says that the network has refused a write, this one or one before. That ends sending, and not receiving:
// messages of the peer that have arrived are there to be read, and its close frame, whose code then is that of the
// *CloseError. The connection ends where they do, and after Config.CloseTimeout at the latest. If nobody has read by then,
// it reads what there is itself, to learn the code, and keeps nothing. A peer that closes in good order costs nothing of
// what it has sent. A TCP reset may: Linux, and the BSDs with macOS, still give out what had arrived before it; Windows
// throws that away.
func (c *Conn) Write(ctx context.Context, typ MessageType, data []byte) error {
	if !typ.valid() {
		return ErrMessageType
	}
	end, err := c.submit(ctx, &outgoing{opcode: frame.Opcode(typ), fin: true, payload: data})
	if err != nil || end == 0 || c.gathered() {
		return err
	}
	return c.flush(ctx, end)
}

// submit makes m the next message that goes out. It returns the value of output.sent at which m is on the wire, or 0 if
// it is. An error may come with 0 or more: of ctx, and then m goes out all the same, or the end of the connection.
func (c *Conn) submit(ctx context.Context, m *outgoing) (end int64, err error) {
	if err := c.beginMessage(ctx); err != nil {
		return notAccepted, err
	}
	if c.writesDirect(ctx, len(m.payload)) {
		end, err = c.writeDirect(ctx, m)
		c.out.message.release()
		return end, err
	}
	end, err = c.enqueue(ctx, m)
	c.out.message.release()
	return end, err
}

// notAccepted comes with an error for what will not go out.
const notAccepted = -1

// Send accepts one message and returns at once; the message goes out in the order of acceptance among all that is sent.
// It never blocks, and may be called from any goroutine. data is copied.
//
// What the peer is too slow to take is bounded by Config.SendQueue: a message that finds others waiting and does not fit
// is refused with [ErrQueueFull]. [Conn.BufferedAmount] says how much waits, [Conn.Flush] waits for it. Other errors are
// those of [Conn.Write]; a write that the network refuses after Send shows in the next call that sends.
func (c *Conn) Send(typ MessageType, data []byte) error {
	if !typ.valid() {
		return ErrMessageType
	}
	return c.send(&outgoing{opcode: frame.Opcode(typ), fin: true, payload: data})
}

func (c *Conn) send(m *outgoing) error {
	pending, err := c.accept(m)
	if err == nil && !c.gathered() {
		c.kickLater(pending, m.rounds())
	}
	return err
}

// accept puts m behind all that waits, if the queue has room. It returns how many octets wait to be written now.
func (c *Conn) accept(m *outgoing) (pending int, err error) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.acceptable(m); err != nil {
		return 0, err
	}
	if o.open {
		c.deferMessage(m)
		return 0, nil
	}
	if o.grows(m) {
		c.encodeAside(m)
	} else {
		c.encodeMessage(m)
	}
	return len(o.pending.b), nil
}

// acceptable returns why m may not be sent without waiting, or nil. The caller holds out.mu.
func (c *Conn) acceptable(m *outgoing) error {
	if err := c.sendable(); err != nil {
		return err
	}
	waiting := c.buffered()
	if waiting > 0 && waiting+int64(m.size()) > int64(c.settings.Value().sendQueue) {
		return ErrQueueFull
	}
	return nil
}

// deferMessage keeps m until the message that is open has ended. The caller holds out.mu.
func (c *Conn) deferMessage(m *outgoing) {
	r := c.rarely()
	r.deferred = append(r.deferred, m.keep())
	r.waiting += m.size()
}

// beginMessage waits until no other message is being sent: "the fragments of one message MUST NOT be interleaved
// between the fragments of another message" (§5.4).
func (c *Conn) beginMessage(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return c.ended(err)
	}
	if err := c.acquire(ctx, &c.out.message); err != nil {
		return c.ended(err)
	}
	return nil
}

// Writer starts a message whose length is not known yet and returns a writer for it; Close ends the message. Other
// messages wait until then, those of [Conn.Send] in its queue; control frames do not. The message goes out in fragments of
// up to [FragmentSize] octets, and in one frame if it is no longer than that.
//
// ctx bounds the wait for other messages and every call of the writer. If one of these returns an error, the message
// cannot be completed: Close then begins to close the connection with [StatusInternalError], so that the peer never takes
// a part for the whole. The writer must be closed, and is for one goroutine.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (*MessageWriter, error) {
	if !typ.valid() {
		return nil, ErrMessageType
	}
	if err := c.beginMessage(ctx); err != nil {
		return nil, err
	}
	c.out.mu.Lock()
	err := c.sendable()
	c.out.open = err == nil // from now on, so that what Send accepts meanwhile comes behind
	c.out.unbegun = c.out.open
	c.out.mu.Unlock()
	if err != nil {
		c.out.message.release()
		return nil, err
	}
	return &MessageWriter{c: c, ctx: ctx, opcode: frame.Opcode(typ)}, nil
}

// MessageWriter writes one message; [Conn.Writer] makes it. It is an io.WriteCloser, and for one goroutine. It holds the turn
// of its message, for which others wait, until Close.
type MessageWriter struct {
	c      *Conn
	ctx    context.Context
	opcode frame.Opcode // of the next frame
	part   *buffer      // gathered and not yet sent
	err    error        // the first error; ErrWriterClosed after Close
	ended  bool         // the last frame was accepted
}

// Write gathers p and sends what fills a frame. n counts the bytes that were accepted.
func (w *MessageWriter) Write(p []byte) (n int, err error) {
	size := w.c.settings.Value().fragment
	if size < 0 {
		size = math.MaxInt
	}
	for len(p) > 0 && w.err == nil {
		if w.part == nil {
			w.part = getBuffer(min(size, len(p)))
		}
		if len(w.part.b) == size {
			w.err = w.send(false)
			continue
		}
		room := min(size-len(w.part.b), len(p))
		w.part = w.part.add(p[:room])
		p = p[room:]
		n += room
	}
	return n, w.err
}

// send sends what was gathered as the next frame of the message.
func (w *MessageWriter) send(fin bool) error {
	var part []byte
	if w.part != nil {
		part = w.part.b
	}
	end, err := w.c.enqueue(w.ctx, &outgoing{opcode: w.opcode, fin: fin, payload: part})
	if err != nil {
		return err
	}
	w.opcode, w.ended = frame.Continuation, fin
	w.part.release()
	w.part = nil
	return w.c.flush(w.ctx, end)
}

// Flush sends what was written and has not gone out yet as a fragment of the message, even if it is short, and returns when
// it is on the wire. It does nothing if there is none. Its errors are those of Write.
func (w *MessageWriter) Flush() error {
	if w.err == nil && w.part != nil {
		w.err = w.send(false)
	}
	return w.err
}

// Close sends the last frame and returns when the message is on the wire.
func (w *MessageWriter) Close() error {
	if w.err == ErrWriterClosed {
		return w.err
	}
	err := w.err
	if err == nil {
		err = w.send(true)
	}
	if !w.ended {
		w.c.sendClose(StatusInternalError, "message abandoned")
		w.c.kick()
	}
	w.err = ErrWriterClosed
	w.part.release()
	w.part = nil
	w.c.out.message.release()
	return err
}

// Flush returns when everything that was accepted before it is on the wire, with the same errors as [Conn.Write].
// It does not cover what a [Conn.Writer] has gathered and not sent: see [MessageWriter.Flush]. Where Send has left messages behind
// a Writer's, it waits until that message has ended.
func (c *Conn) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return c.ended(err)
	}
	c.out.mu.Lock()
	end, behind := c.out.queued, c.deferred() > 0
	c.out.mu.Unlock()
	if behind { // the message of a Writer
		var err error
		if end, err = c.afterWriter(ctx); err != nil {
			return err
		}
	}
	return c.flush(ctx, end)
}

// afterWriter waits for the end of the message that a Writer sends. It returns the value of sent at which all that waited
// for that is on the wire.
func (c *Conn) afterWriter(ctx context.Context) (end int64, err error) {
	if err := c.beginMessage(ctx); err != nil {
		return 0, err
	}
	defer c.out.message.release()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.deferred() > 0 { // the Writer was abandoned
		return 0, c.sendable()
	}
	return c.out.queued, nil
}

// BufferedAmount returns how many octets of frames were accepted and are not yet on the wire, like a browser's
// bufferedAmount but with the frames' headers.
func (c *Conn) BufferedAmount() int64 {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.buffered()
}

// buffered is BufferedAmount for who holds out.mu.
func (c *Conn) buffered() int64 { return c.out.queued - c.out.sent + int64(c.deferred()) }

// deferred returns how many octets Send has accepted that wait for the end of a Writer's message. The caller holds
// out.mu.
func (c *Conn) deferred() int {
	if c.rare == nil {
		return 0
	}
	return c.rare.waiting
}
