package conn

import (
	"context"
	"errors"
	"iter"
	"net"
	"sync"
)

// readState is how far the reading of messages has come. It belongs to whoever holds Conn.reading.
type readState struct {
	partial *buffer        // what was gathered of a message whose reading was cut
	reader  *messageReader // has not yet come to the end of its message
	ending  *CloseError    // how the connection will have ended, once closing has come to that
	replied bool           // pongs were queued and nobody was told to send them
	serving bool           // the caller is Serve
}

// Read waits for the next message and returns it whole. The caller owns the bytes.
//
// If ctx ends first, Read returns its error and nothing is lost: what has arrived of a message stays in the connection,
// and the next call that reads goes on from there. Once the connection has ended, the error is the *[CloseError]; see
// there for a peer that broke a rule. [ErrConcurrentRead] says that another goroutine is reading.
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	return c.ReadAppend(ctx, nil)
}

// ReadAppend is like [Conn.Read] but appends the message to dst and returns the extended slice. With an error, dst is
// returned as it was. It allocates only if dst is too small.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	if err := c.beginMessageRead(ctx); err != nil {
		return 0, dst, err
	}
	defer c.endRead()
	if err := c.firstBytes(ctx); err != nil {
		return 0, dst, err
	}
	into := lent.Get().(*buffer)
	*into = buffer{b: dst, foreign: true}
	if c.read.partial != nil {
		into.grow(len(c.read.partial.b))
		into.b = append(into.b, c.read.partial.b...)
		c.dropPartial()
	}
	_, err := c.gather(ctx, into)
	whole := into.b
	*into = buffer{}
	lent.Put(into)
	if err != nil {
		c.keepPartial(whole[len(dst):])
		return 0, dst, err
	}
	return c.recv.typ, whole, nil
}

// lent are for the memory that ReadAppend is given.
var lent = sync.Pool{New: func() any { return new(buffer) }}

// gather adds the message that comes, or the rest of one, to into, and returns what into has become.
func (c *Conn) gather(ctx context.Context, into *buffer) (*buffer, error) {
	for {
		part, err := event{}, error(nil)
		if room := c.directRoom(len(into.b)); room > 0 {
			into = into.grow(room)
			part, err = c.readDirect(ctx, into, room)
		} else if part, err = c.nextPart(ctx); err == nil {
			into = into.grow(len(part.payload))
			into.b = append(into.b, part.payload...)
		}
		if err != nil {
			return into, err
		}
		if part.fin {
			return into, nil
		}
	}
}

// minDirect is how much must be to come of a frame for its payload to be read to where it is gathered.
const minDirect = 16 << 10

// directRoom returns how much of the payload that comes may be read without passing the input buffer, for a message of
// which so much is there. Memory follows what has arrived, not what the header promises.
func (c *Conn) directRoom(have int) int {
	if len(c.in.unread()) > 0 || c.read.ending != nil || c.recv.direct() < minDirect {
		return 0
	}
	return int(min(c.recv.direct(), max(minDirect, 3*int64(have))))
}

// readDirect waits for payload and adds it to into, where room octets are free.
func (c *Conn) readDirect(ctx context.Context, into *buffer, room int) (event, error) {
	if err := c.beforeWait(ctx); err != nil {
		return event{}, err
	}
	c.in.idle()
	have := len(into.b)
	c.beat.wait()
	err := c.src.readTo(into, room)
	c.beat.came()
	if err != nil {
		return event{}, c.readFailed(ctx, err)
	}
	part, _, err := c.recv.next(into.b[have:])
	if err != nil {
		into.b = into.b[:have]
		return event{}, c.peerFailed(ctx, err)
	}
	return part, nil
}

// Messages returns the messages that come, one by one, for a range loop:
//
//	for m, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// It is [Conn.Read] without the copy: m.Data is valid, and may be changed, until the next iteration. The last
// iteration is the one with an error, the same that Read would return. The loop body may call anything but the methods
// that read; it may end the loop at any time, and reading may go on later in any way.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			err := c.awaitMessage(ctx, false)
			if err != nil {
				yield(Message{}, err)
				return
			}
			m, held, err := c.borrow(ctx)
			if err != nil {
				yield(Message{}, err)
				return
			}
			more := yield(m, nil)
			c.giveBack(held)
			if !more {
				return
			}
		}
	}
}

// borrow waits for the rest of the next message and leaves it where it lies: in the input buffer if it came whole, else
// in a buffer of its own. Its data is valid until giveBack. It ends what awaitMessage began.
func (c *Conn) borrow(ctx context.Context) (Message, *buffer, error) {
	defer c.endRead()
	m, held, err := c.wholeMessage(ctx)
	if err == nil && c.read.serving {
		c.gatherIf(c.moreArrived())
	}
	return m, held, err
}

// wholeMessage is borrow without what is around it.
func (c *Conn) wholeMessage(ctx context.Context) (Message, *buffer, error) {
	into := c.read.partial
	if into == nil {
		part, err := c.nextPart(ctx)
		if err != nil {
			return Message{}, nil, err
		}
		if part.fin {
			return Message{part.typ, part.payload}, c.lend(), nil
		}
		into = getBuffer(len(part.payload))
		into.b = append(into.b, part.payload...)
	}
	into, err := c.gather(ctx, into)
	if err != nil {
		c.read.partial = into
		return Message{}, nil, err
	}
	c.read.partial = nil
	return Message{c.recv.typ, into.b}, into, nil
}

// lend leaves the memory in which a message lies whole to the caller.
func (c *Conn) lend() *buffer {
	if c.recv.compressed {
		held := c.recv.unpacker.out
		c.recv.unpacker.out = nil
		return held
	}
	c.in.lent = true
	return c.in.buf
}

// giveBack ends the loan of a message.
func (c *Conn) giveBack(held *buffer) {
	if c.acquire(context.Background(), &c.reading) != nil {
		return // somebody is still cleaning up; the garbage collector takes the buffer
	}
	if c.in.buf == held {
		c.in.lent = false
	} else {
		held.release()
	}
	c.endRead()
}

// beginRead makes the caller the one who reads. If it returns nil, endRead must follow.
func (c *Conn) beginRead(ctx context.Context) error {
	if !c.reading.tryAcquire() {
		if c.State() < StateClosing {
			return ErrConcurrentRead
		}
		// Close is reading the rest.
		if err := c.acquire(ctx, &c.reading); err != nil {
			return c.ended(err)
		}
	}
	c.read.serving = false
	err := c.Err()
	if err == nil {
		err = c.readCut.begin(ctx, c.nc, false)
	}
	if err != nil {
		c.endRead()
	}
	return err
}

// beginMessageRead is beginRead for calls that want a message from its start: what a Reader left is dropped.
func (c *Conn) beginMessageRead(ctx context.Context) error {
	if err := c.beginRead(ctx); err != nil {
		return err
	}
	r := c.read.reader
	if r == nil {
		return nil
	}
	r.err = ErrReaderDone
	for !r.fin {
		part, err := c.nextPart(ctx)
		if err != nil {
			c.endRead()
			return err
		}
		r.have(part)
	}
	r.rest = nil
	r.partial.release()
	c.read.reader, r.partial = nil, nil
	return nil
}

// endRead ends what beginRead began.
func (c *Conn) endRead() {
	c.readCut.end()
	if c.end.Load() != nil {
		c.readCut.forget() // again: begin may have come after the end, and a context may outlive the connection by far
		c.in.release()
		c.recv.release()
		c.dropPartial()
	} else if c.read.reader == nil {
		c.in.idle()
		c.recv.idle()
	}
	c.reading.release()
}

// nextPart waits for the next part of a message and deals with the control frames before it (§5.4: they may stand
// between the fragments of a message). The part's payload is valid until the next call. The caller holds reading.
func (c *Conn) nextPart(ctx context.Context) (event, error) {
	if c.read.ending != nil {
		return event{}, c.finish(ctx)
	}
	for {
		ev, n, err := c.recv.next(c.in.unread())
		c.in.take(n)
		if err != nil {
			return event{}, c.peerFailed(ctx, err)
		}
		switch ev.kind {
		case eventData:
			c.sendReplies()
			return ev, nil
		case eventPing:
			c.enqueuePong(ev.payload)
			c.read.replied = true
		case eventPong:
			c.pong(ev.payload)
		case eventClose:
			return event{}, c.peerClosed(ctx, ev.payload)
		case eventNone:
			if err := c.waitForBytes(ctx); err != nil {
				return event{}, err
			}
		}
	}
}

// awaitMessage begins a borrow and waits for the first bytes of the message, if they are still to come. borrow would too;
// but here the goroutine parks with little on its stack, and the runtime gives small stacks to goroutines that need no
// more. If it returns nil, borrow must follow.
func (c *Conn) awaitMessage(ctx context.Context, serving bool) error {
	if err := c.beginMessageRead(ctx); err != nil {
		return err
	}
	c.read.serving = serving
	err := c.firstBytes(ctx)
	if err != nil {
		c.endRead()
	}
	return err
}

// firstBytes waits until there is something to read, unless a message has begun.
func (c *Conn) firstBytes(ctx context.Context) error {
	if len(c.in.unread()) > 0 || c.recv.inFrame || c.recv.checker.InMessage() || c.read.ending != nil {
		return nil
	}
	return c.waitForBytes(ctx)
}

// waitForBytes returns when there is something more to read.
func (c *Conn) waitForBytes(ctx context.Context) error {
	if err := c.beforeWait(ctx); err != nil {
		return err
	}
	c.beat.wait()
	err := c.in.fill(c.src, c.recv.inFrame)
	c.beat.came()
	if err != nil {
		return c.readFailed(ctx, err)
	}
	return nil
}

// beforeWait is for what waited for this moment: memory that is of no use any more, frames to send.
func (c *Conn) beforeWait(ctx context.Context) error {
	c.recv.idle()
	c.sendReplies()
	return c.sendGathered(ctx)
}

// sendReplies sends the pongs that are queued. It does not wait for them: a peer that does not read must not keep this
// side from reading.
func (c *Conn) sendReplies() {
	if c.read.replied {
		c.read.replied = false
		c.kick()
	}
}

// readFailed tells a context that cut the call from a connection that is gone.
func (c *Conn) readFailed(ctx context.Context, err error) error {
	if e := c.end.Load(); e != nil {
		return e
	}
	if cut := ctx.Err(); cut != nil && isTimeout(err) {
		return cut
	}
	return c.failNetwork(err)
}

// isTimeout reports whether a deadline made I/O fail.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// keepPartial makes b what was gathered of the message.
func (c *Conn) keepPartial(b []byte) {
	c.dropPartial()
	if c.recv.begun && len(b) > 0 {
		c.read.partial = getBuffer(len(b))
		c.read.partial.b = append(c.read.partial.b, b...)
	}
}

func (c *Conn) dropPartial() {
	c.read.partial.release()
	c.read.partial = nil
}
