package conn

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/frame"
)

// heartbeat finds out that a peer is gone although TCP does not say so. It is one timer. What reading adds to it is a
// store before it waits for bytes and one after.
type heartbeat struct {
	interval time.Duration // Config.PingInterval
	timeout  time.Duration // Config.IdleTimeout
	start    time.Time     // all times below count from here
	timer    *time.Timer
	waiting  atomic.Int64 // since when somebody waits for bytes, with what calls before have waited; 0 while nobody does
	began    atomic.Int64 // when the call that waits began to
	doubt    bool         // that call had just begun when it was time to give up; only for tick
	due      int64        // when to ping next, unless bytes have come; only for tick
	waited   int64        // how long calls that were cut have waited since bytes came; only for who reads
}

// startHeartbeat is called before anybody else has c.
func (c *Conn) startHeartbeat(interval, timeout time.Duration) {
	h := &heartbeat{interval: interval, timeout: timeout, start: time.Now()}
	c.beat = h
	h.due = h.now() + h.pause()
	h.timer = time.AfterFunc(time.Hour, c.tick)
	h.timer.Reset(h.next(h.now(), 0))
}

// now is never 0.
func (h *heartbeat) now() int64 { return int64(time.Since(h.start)) + 1 }

// wait notes that somebody waits for bytes from now on.
func (h *heartbeat) wait() {
	if h != nil {
		now := h.now()
		h.began.Store(now)
		h.waiting.Store(now - h.waited)
	}
}

// came notes that the waiting is over: bytes have come, unless there is an error.
func (h *heartbeat) came(err error) {
	if h == nil {
		return
	}
	h.waited = 0
	if err != nil { // a context has cut the call, and the next one waits on
		h.waited = h.now() - h.waiting.Load()
	}
	h.waiting.Store(0)
}

// tick is called by the timer. A peer counts as gone when somebody has waited for a byte of it all the time: while the
// application is busy, nobody knows what has arrived, and nothing is held against the peer.
func (c *Conn) tick() {
	h := c.beat
	now := h.now()
	since := h.waiting.Load()
	late := since != 0 && h.timeout > 0 && now-since >= int64(h.timeout)
	if late && (h.doubt || now-h.began.Load() >= int64(min(justBegun, h.timeout))) {
		c.fail(&CloseError{Code: StatusAbnormalClosure, Err: ErrPeerTimeout})
		return
	}
	h.doubt = late
	if now >= h.due {
		if since == 0 || now-since >= h.pause() {
			c.pingUnasked()
			since = now
		}
		h.due = since + h.pause()
	}
	next := h.next(now, h.waiting.Load())
	if late {
		next = justBegun
	}
	h.timer.Reset(next)
	if c.end.Load() != nil {
		h.timer.Stop()
	}
}

// justBegun is how long a call that waits is given to find what had arrived before it, if calls before have waited long.
const justBegun = 10 * time.Millisecond

// pingUnasked sends a ping that nobody waits for: the pong, as any byte, shows that the peer is there. If so much waits to
// be sent that there is no room, the peer has enough to answer as it is.
func (c *Conn) pingUnasked() {
	var payload [8]byte
	randomOctets(payload[:])
	c.out.mu.Lock()
	roomy := c.sendable() == nil && c.out.hasRoom()
	if roomy {
		c.encode(&outgoing{opcode: frame.Ping, fin: true, payload: payload[:]})
	}
	c.out.mu.Unlock()
	if roomy {
		c.kick()
	}
}

// pause returns how long to wait before a ping: the interval less up to a tenth of it, at random, so that connections
// that began together do not ping together.
func (h *heartbeat) pause() int64 {
	if h.interval <= 0 {
		return math.MaxInt64 / 4 // never
	}
	return int64(h.interval) - rand.Int64N(int64(h.interval)/10+1)
}

// next returns how long it is until there is something to do, if somebody has been waiting since then.
func (h *heartbeat) next(now, since int64) time.Duration {
	at := h.due
	if h.timeout > 0 {
		if since == 0 {
			since = now
		}
		at = min(at, since+int64(h.timeout))
	}
	return time.Duration(at - now)
}
