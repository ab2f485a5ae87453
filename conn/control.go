package conn

import (
	"context"
	"sync"
	"time"

	"github.com/seed60239977/websocket/frame"
)

// Ping sends a ping and waits for its pong (§5.5.2, §5.5.3). It returns the time between the two. Another goroutine must
// be reading, or the pong is never seen. Pings may be sent from several goroutines at once: each carries its own random
// payload, and a pong that matches none changes nothing.
//
// If ctx ends first, its error is returned and the connection goes on; give every ping a deadline. Other errors are
// [ErrCloseSent] and, once the connection has ended, the *[CloseError].
func (c *Conn) Ping(ctx context.Context) (rtt time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p := &ping{answered: make(chan struct{})}
	randomOctets(p.payload[:])
	c.pings.add(p)
	defer c.pings.remove(p)
	start := time.Now()
	end, err := c.enqueue(ctx, outgoing{opcode: frame.Ping, fin: true, payload: p.payload[:]})
	if err != nil {
		return 0, err
	}
	if err := c.flush(ctx, end); err != nil {
		return 0, err
	}
	select {
	case <-p.answered:
		return p.at.Sub(start), nil
	case <-c.dead:
		return 0, c.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// enqueuePong answers a ping. "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response to
// previous Ping frame(s), the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame"
// (§5.5.3): that is what happens to a peer that pings and does not read.
func (c *Conn) enqueuePong(payload []byte) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.sendable() != nil {
		return
	}
	if o.pongs >= maxPongs || !o.hasRoom() {
		o.newest = append(o.newest[:0], payload...)
		o.piled = true
		return
	}
	o.pongs++
	c.encode(frame.Header{Fin: true, Opcode: frame.Pong}, payload)
}

// ping is a ping that waits for its pong.
type ping struct {
	payload  [8]byte
	at       time.Time     // when the pong came
	answered chan struct{} // closed after at is set
}

// pingList holds the pings that wait, oldest first.
type pingList struct {
	mu      sync.Mutex
	waiting []*ping
}

func (l *pingList) add(p *ping) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, p)
}

func (l *pingList) remove(p *ping) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, q := range l.waiting {
		if q == p {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			break
		}
	}
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
}

// pong answers the ping with this payload and, as a peer may answer only the newest of several, all older ones.
func (l *pingList) pong(payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range l.waiting {
		if string(p.payload[:]) != string(payload) {
			continue
		}
		now := time.Now()
		for _, answered := range l.waiting[:i+1] {
			answered.at = now
			close(answered.answered)
		}
		l.waiting = append([]*ping(nil), l.waiting[i+1:]...)
		return
	}
}
