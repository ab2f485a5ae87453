package conn

import (
	"context"
	"math"

	"github.com/seed60239977/websocket/frame"
)

// gatherRest puts a message together that did not come in one part. If it returns nil, borrow must follow.
func (c *Conn) gatherRest(ctx context.Context, l *loan) (err error) {
	l.held = c.read.partial
	if l.held == nil {
		if l.part.fin {
			return nil
		}
		first := l.part.payload
		l.held = getBuffer(len(first) + c.directRoom(len(first))).add(first)
	}
	l.part.fin = false
	if c.read.partial, err = c.gather(ctx, l.held, &l.part); err != nil {
		c.endRead()
		return err
	}
	l.held, c.read.partial = c.read.partial, nil
	l.part.typ, l.part.payload = c.recv.typ, l.held.b
	return nil
}

// gather adds the message that comes, or the rest of one, to into, and returns what into has become. part is not the last
// of a message; then it is.
func (c *Conn) gather(ctx context.Context, into *buffer, part *event) (*buffer, error) {
	for !part.fin {
		var err error
		if room := c.directRoom(len(into.b)); room > 0 {
			into = into.grow(room)
			err = c.readDirect(ctx, into, room, part)
		} else if err = c.nextPart(ctx, part); err == nil {
			into = into.add(part.payload)
		}
		if err != nil {
			return into, err
		}
	}
	return into, nil
}

// minDirect is how much must be to come of a frame for its payload to be read to where it is gathered.
const minDirect = 16 << 10

// directRoom returns how much of the payload that comes may be read without passing the input buffer, behind have octets
// in the same memory. Memory follows what has arrived, not what the header promises: it is no more than four times that,
// also when it comes in classes.
func (c *Conn) directRoom(have int) int {
	if len(c.in.unread()) > 0 || c.read.ending != nil || c.recv.direct() < minDirect {
		return 0
	}
	arrived := c.recv.size // of the message; the caller of ReadAppend may have more in front of it
	total := max(minDirect, fullClass(4*(arrived+frame.MaxHeaderSize)))
	return int(min(c.recv.direct(), total-arrived, int64(math.MaxInt-have)))
}

// readDirect waits for payload and adds it to into, where room octets are free.
func (c *Conn) readDirect(ctx context.Context, into *buffer, room int, part *event) error {
	if err := c.beforeWait(ctx); err != nil {
		return err
	}
	have := len(into.b)
	c.beat.wait()
	err := c.in.readTo(into, room, c.src)
	c.beat.came(err)
	if err != nil {
		return c.readFailed(ctx, err)
	}
	if _, err := c.recv.next(into.b[have:], part); err != nil {
		into.b = into.b[:have]
		return c.peerFailed(ctx, err)
	}
	return nil
}

// keepPartial makes b what was gathered of the message.
func (c *Conn) keepPartial(b []byte) {
	c.dropPartial()
	if c.recv.begun && len(b) > 0 {
		c.read.partial = c.read.partial.add(b)
	}
}

func (c *Conn) dropPartial() {
	c.read.partial.release()
	c.read.partial = nil
}
