package protocol

import (
	"math/rand/v2"
	"time"
)

// Beat is what a [Heartbeat] wants done.
type Beat uint8

// The beats.
const (
	NoBeat   Beat = iota
	SendPing      // of any payload: the pong, like any byte, shows that the peer is there
	PeerGone      // end the connection
)

// Heartbeat finds out that a peer is gone although TCP does not say so. It is told the time, as what has passed since some
// start, and says when it wants to be told again. It is for one goroutine at a time.
type Heartbeat struct {
	Interval time.Duration // how long nothing arrives before a ping, less up to a tenth at random; 0 and less: no pings
	Timeout  time.Duration // how long reading waits without a byte before the peer counts as gone; 0 and less: for ever

	due   time.Duration // when to ping next, unless bytes have come
	doubt bool          // reading had just begun to wait when it was time to give up
}

// JustBegun is how long a call that waits is given to find what had arrived before it, if calls before have waited long.
const JustBegun = 10 * time.Millisecond

// never is a time that does not come.
const never = time.Duration(1) << 61

// Start returns how long to wait for the first Tick.
func (h *Heartbeat) Start(now time.Duration) time.Duration {
	h.due = now + h.pause()
	return h.next(now, 0)
}

// Tick says what is to be done now, and after how long to call it again. waiting is since when somebody waits for bytes of
// the peer, with what calls before have waited in vain, and began when the call that waits now began to; both are 0 while
// nobody waits. A peer counts as gone when somebody has waited for a byte of it all the time: while the application is
// busy, nobody knows what has arrived, and nothing is held against the peer.
func (h *Heartbeat) Tick(now, waiting, began time.Duration) (do Beat, after time.Duration) {
	late := waiting != 0 && h.Timeout > 0 && now-waiting >= h.Timeout
	if late && (h.doubt || now-began >= min(JustBegun, h.Timeout)) {
		return PeerGone, never
	}
	h.doubt = late
	if now >= h.due {
		since, pause := waiting, h.pause()
		if since == 0 || now-since >= pause {
			do, since = SendPing, now
		}
		h.due = since + pause
	}
	after = h.next(now, waiting)
	if late {
		after = JustBegun
	}
	return do, after
}

// pause returns how long to wait before a ping: the interval less up to a tenth of it, at random, so that connections
// that began together do not ping together.
func (h *Heartbeat) pause() time.Duration {
	if h.Interval <= 0 {
		return never
	}
	return h.Interval - rand.N(h.Interval/10+1)
}

// next returns how long it is until there is something to do, if somebody has been waiting since then.
func (h *Heartbeat) next(now, since time.Duration) time.Duration {
	at := h.due
	if h.Timeout > 0 {
		if since == 0 {
			since = now
		}
		at = min(at, since+h.Timeout)
	}
	return at - now
}
