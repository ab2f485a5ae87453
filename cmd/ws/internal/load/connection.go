package load

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
)

// connection is the life of one connection. Nobody waits for it: its turns come from a schedule, its answers from the client.
// Messages are sent by one at a time: whoever has its turn, who gets an answer with -rate 0, or catchUp.
type connection struct {
	engine *engine
	number int
	seq    int // of the next message

	mu      sync.Mutex
	link    link    // nil until it is open
	waiting pending // for their answers
	silent  bool    // it will send no more
	closing bool    // by the engine
	over    bool    // the time is up
	gone    bool    // it has ended
}

// pending are times in the order in which they came.
type pending struct {
	times []time.Time
	head  int // of those that are left
}

func (p *pending) len() int { return len(p.times) - p.head }

func (p *pending) push(t time.Time) {
	if p.head > 0 && len(p.times) == cap(p.times) {
		p.times, p.head = p.times[:copy(p.times, p.times[p.head:])], 0
	}
	p.times = append(p.times, t)
}

// pop takes out the first one, which there is.
func (p *pending) pop() time.Time {
	t := p.times[p.head]
	if p.head++; p.head == len(p.times) {
		p.times, p.head = p.times[:0], 0
	}
	return t
}

// open connects; it was due at a time.
func (c *connection) open(ctx context.Context, due time.Time) {
	e := c.engine
	late := time.Since(due)
	l, took, err := e.client.open(ctx, c)
	if err != nil {
		if ctx.Err() == nil || errors.Is(err, context.DeadlineExceeded) {
			e.stats.failed("connect: " + kind(err))
		}
		e.left.Done()
		return
	}
	e.stats.connected(late+took.connected, late+took.firstByte)
	e.opened.Add(1)
	e.open.Add(1)
	c.mu.Lock()
	c.link = l
	over := c.over
	c.mu.Unlock()
	if !over && e.greeting != nil {
		_ = l.send(e.typ(), e.greeting.message(c.number, 0)) // ended tells why it fails
	}
	if over {
		c.finish()
	} else {
		c.next()
	}
}

// due is when the next message is. The connections' messages are spread evenly over the time between two of one.
func (c *connection) due() time.Time {
	e := c.engine
	first := e.began.Add(e.ramp)
	if e.rate == 0 {
		return first
	}
	interval := float64(time.Second) / e.rate
	offset := interval * float64(c.number) / float64(e.connections)
	return first.Add(time.Duration(offset + float64(c.seq)*interval))
}

// turn is called by the schedule: a message is due.
func (c *connection) turn() {
	if c.engine.rate == 0 {
		c.answer()
	} else if c.send(c.due()) {
		c.next()
	}
}

// next has the next message sent when it is due, or no more.
func (c *connection) next() {
	if due := c.due(); due.Before(c.engine.to) {
		c.engine.schedule(c, due)
	} else {
		c.finish()
	}
}

// answer sends the next message with -rate 0.
func (c *connection) answer() {
	now := time.Now()
	if !now.Before(c.engine.to) {
		c.finish()
		return
	}
	c.send(now)
}

// send sends one message that was due at a time. If it returns false, the connection has no more turns: it has ended, or
// catchUp gives it the next one.
func (c *connection) send(due time.Time) bool {
	l, ok := c.expect(due)
	if !ok {
		return false
	}
	e := c.engine
	data := e.messages.message(c.number, c.seq)
	c.seq++ // before there can be an answer
	switch err := l.send(e.typ(), data); {
	case errors.Is(err, websocket.ErrQueueFull):
		e.blocked.Go(func() { c.catchUp(l, due, data) })
		return false
	case err != nil:
		return false // ended tells why
	}
	e.stats.sent(due, len(data))
	return true
}

// expect has an answer waited for, if there is to be one. It reports whether there is a connection.
func (c *connection) expect(due time.Time) (l link, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.over {
		return nil, false
	}
	if !c.engine.oneWay {
		c.waiting.push(due)
	}
	return c.link, true
}

// catchUp is the goroutine of a connection whose peer is too slow: it waits until the message is accepted.
func (c *connection) catchUp(l link, due time.Time, data []byte) {
	e := c.engine
	if err := l.write(e.ctx, e.typ(), data); err != nil {
		return // ended tells why, or the time is up
	}
	e.stats.sent(due, len(data))
	if e.rate > 0 {
		c.next()
	}
}

// received implements observer.
func (c *connection) received(size int) {
	now := time.Now()
	c.mu.Lock()
	asked := c.waiting.len() > 0
	var due time.Time
	if asked {
		due = c.waiting.pop()
	}
	last, late := c.silent && c.waiting.len() == 0, c.over && !asked
	c.mu.Unlock()
	switch {
	case late: // it was counted as an error
		return
	case !asked:
		c.engine.stats.unasked(now, size)
		return
	}
	c.engine.stats.answered(due, now, size)
	switch {
	case last:
		c.finish()
	case c.engine.rate == 0:
		c.answer()
	}
}

// ended implements observer.
func (c *connection) ended(err error) {
	c.mu.Lock()
	wanted := c.closing
	c.gone, c.closing = true, true
	if !c.over {
		c.lose("unanswered: the connection was lost")
	}
	c.mu.Unlock()
	if !wanted {
		c.engine.stats.failed("lost: " + kind(err))
	}
	c.engine.open.Add(-1)
	c.engine.left.Done()
}

// finish sends no more, and closes the connection when all answers are there, or if the time is up.
func (c *connection) finish() {
	c.mu.Lock()
	c.silent = true
	l := c.link
	now := l != nil && !c.closing && (c.over || c.waiting.len() == 0)
	c.closing = c.closing || now
	c.mu.Unlock()
	if now {
		l.close()
	}
}

// timeUp ends the connection. Answers that have not come are errors, unless somebody has interrupted it.
func (c *connection) timeUp(why error) {
	c.mu.Lock()
	c.over = true
	if errors.Is(why, context.DeadlineExceeded) {
		c.lose("unanswered: no answer in time")
	}
	c.mu.Unlock()
	c.finish()
}

// lose counts what has no answer as errors, once. The caller holds mu.
func (c *connection) lose(why string) {
	for range c.waiting.len() {
		c.engine.stats.failed(why)
	}
	c.waiting = pending{}
}
