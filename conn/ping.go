package conn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/internal/random"
	"github.com/seed60239977/websocket/protocol"
)

// Ping sends a ping, waits for its pong (§5.5.2, §5.5.3), and returns the time between the two. Another goroutine must be
// reading, or the pong is never noticed. Several goroutines may call Ping at once: each ping has a random payload of its own,
// and pongs that match none are ignored.
//
// If ctx ends first, Ping returns its error and the connection goes on; give every ping a deadline. If nobody reads at that
// moment, the error also matches [ErrNobodyReads]. Other errors are [ErrCloseSent], in a browser a [*BrowserError] and, once
// the connection has ended, the *[CloseError].
func (c *Conn) Ping(ctx context.Context) (rtt time.Duration, err error) {
	if err := c.uncarried(frame.Ping, 0); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, c.ended(err)
	}
	p := &ping{answered: make(chan struct{})}
	fillPayload(&p.payload)
	defer c.removePing(p)
	start := time.Now()
	if err := c.sendPing(ctx, p); err != nil {
		return 0, err
	}
	select {
	case <-p.answered:
		rtt = p.at.Sub(start)
		c.observeRoundTrip(rtt)
		return rtt, nil
	case <-c.Done():
		return 0, c.Err()
	case <-ctx.Done():
		if !c.reading.Held() && c.driven() == nil {
			return 0, fmt.Errorf("%w: %w", ErrNobodyReads, ctx.Err())
		}
		return 0, ctx.Err()
	}
}

// Pong sends an unsolicited pong (§5.5.3) and returns when it is on the wire; no answer to it is expected. payload has at most
// [frame.MaxControlPayload] bytes and is copied. Pings of the peer are answered without calling Pong.
//
// If ctx ends first, Pong returns its error and the connection goes on; the pong may be sent all the same. Other errors are
// [ErrControlTooLong], [ErrCloseSent], in a browser a [*BrowserError] and, once the connection has ended, the *[CloseError].
func (c *Conn) Pong(ctx context.Context, payload []byte) error {
	if len(payload) > frame.MaxControlPayload {
		return ErrControlTooLong
	}
	if err := c.uncarried(frame.Pong, 0); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return c.ended(err)
	}
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.awaitRoom(ctx); err != nil {
		return err
	}
	o.sender.Pong(payload)
	return c.flush(ctx, o.sender.Queued())
}

// SendPing queues a ping and returns at once. payload has at most [frame.MaxControlPayload] bytes and is copied. Config.OnPong
// is called for the pong. [Conn.Ping] is simpler if only the round-trip time matters.
//
// As with [Conn.Send], Config.SendQueue limits what may be waiting. The errors are [ErrControlTooLong], [ErrQueueFull],
// [ErrCloseSent], in a browser a [*BrowserError] and, once the connection has ended, the *[CloseError].
func (c *Conn) SendPing(payload []byte) error { return c.sendControl((*protocol.Sender).Ping, payload) }

// SendPong is like [Conn.Pong] but does not wait. Its errors are those of [Conn.SendPing].
func (c *Conn) SendPong(payload []byte) error { return c.sendControl((*protocol.Sender).Pong, payload) }

func (c *Conn) sendControl(queue func(s *protocol.Sender, payload []byte) error, payload []byte) error {
	if len(payload) > frame.MaxControlPayload {
		return ErrControlTooLong
	}
	if err := c.uncarried(frame.Ping, 0); err != nil {
		return err
	}
	c.out.mu.Lock()
	err := c.acceptable(len(payload))
	if err == nil {
		err = queue(&c.out.sender, payload)
		c.flushNow()
	}
	c.out.mu.Unlock()
	c.observeRefusal(err)
	return err
}

// peerPinged deals with a ping that came. An error is that of Config.OnPing.
func (c *Conn) peerPinged(ctx context.Context, payload []byte) error {
	if h := c.read.now().hooks; h != nil && h.ping != nil {
		c.beforeHook()
		answer, err := h.ping(c, payload)
		c.afterHook(ctx)
		if err != nil || !answer {
			return err
		}
	}
	c.answer(payload)
	return nil
}

// peerPonged deals with a pong that came. An error is that of Config.OnPong.
func (c *Conn) peerPonged(ctx context.Context, payload []byte) error {
	var err error
	if h := c.read.now().hooks; h != nil && h.pong != nil {
		c.beforeHook()
		err = h.pong(c, payload)
		c.afterHook(ctx)
	}
	c.pong(payload)
	c.observePong(payload)
	return err
}

// sendPing queues p when there is room, and returns when it is on the wire. From when it is queued it waits for its pong.
func (c *Conn) sendPing(ctx context.Context, p *ping) error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.awaitRoom(ctx); err != nil {
		return err
	}
	r := c.coldState()
	r.pings = append(r.pings, p)
	o.sender.Ping(p.payload[:])
	return c.flush(ctx, o.sender.Queued())
}

// answer queues the pong for a ping that came.
func (c *Conn) answer(payload []byte) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.sendable() == nil {
		c.out.sender.Answer(payload)
		c.read.replied = true
	}
}

// sendReplies sends the pongs that are queued. It does not wait for them: a peer that does not read must not keep this
// side from reading. The caller holds reading.
func (c *Conn) sendReplies() {
	c.read.replied = false
	c.out.mu.Lock()
	c.flushNow()
	c.out.mu.Unlock()
}

// ping is a ping that waits for its pong.
type ping struct {
	payload  [8]byte
	at       time.Time     // when the pong came
	answered chan struct{} // closed after at is set
	givenUp  bool          // nobody waits; but its pong answers older ones
}

// removePing makes p wait no longer. It stays in the list while older ones wait, but only the newest of several in a row.
func (c *Conn) removePing(p *ping) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	r := c.cold
	if r == nil {
		return
	}
	p.givenUp = true
	kept := r.pings[:0]
	for i, p := range r.pings {
		oldest, stale := len(kept) == 0, p.givenUp && i+1 < len(r.pings) && r.pings[i+1].givenUp
		if !(p.givenUp && oldest) && !stale {
			kept = append(kept, p)
		}
	}
	clear(r.pings[len(kept):])
	r.pings = kept
}

// pong answers the ping with this payload and, as a peer may answer only the newest of several, all older ones.
func (c *Conn) pong(payload []byte) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	r := c.cold
	if r == nil {
		return
	}
	i := slices.IndexFunc(r.pings, func(p *ping) bool { return string(p.payload[:]) == string(payload) })
	now := time.Now()
	for _, answered := range r.pings[:i+1] {
		answered.at = now
		close(answered.answered)
	}
	r.pings = slices.Delete(r.pings, 0, i+1)
}

// startHeartbeat is called before anybody else has c.
func (c *Conn) startHeartbeat(interval, timeout time.Duration) {
	h := &heartbeat{rule: protocol.Heartbeat{Interval: interval, Timeout: timeout}, start: time.Now()}
	c.beat = h
	first := h.rule.Start(h.now())
	// It is not set late and then moved forward, so that it stands there before it runs: Go's runtime for js can sleep through a
	// timer that was moved, until the next one.
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	h.timer = c.afterFunc(first, c.tick)
}

// beatTimer returns the timer of the heartbeat, once it is there for the reader to see.
func (c *Conn) beatTimer() nonblock.Timer {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.beat.timer
}

// tick is called by the timer.
func (c *Conn) tick() {
	h, timer := c.beat, c.beatTimer()
	do, after := h.rule.Tick(h.now(), time.Duration(h.waiting.Load()), time.Duration(h.began.Load()))
	switch do {
	case protocol.PeerGone:
		c.happened(func(w *protocol.Closing) { w.ReadFailed(ErrPeerTimeout) })
		return
	case protocol.SendPing:
		c.pingUnasked()
	}
	timer.Reset(after)
	if c.end.Load() != nil {
		timer.Stop()
	}
}

// pingUnasked sends a ping that nobody waits for: the pong, as any byte, shows that the peer is there. If so much waits to
// be sent that there is no room, the peer has enough to answer as it is.
func (c *Conn) pingUnasked() {
	var payload [8]byte
	fillPayload(&payload)
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.sendable() == nil && !o.sender.Full() {
		o.sender.Ping(payload[:])
		c.observePinged(payload)
		c.flushNow()
	}
}

// fillPayload makes the payload of a ping random, and text: there are peers that take it for text when they send it back.
func fillPayload(payload *[8]byte) {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	random.Fill(payload[:])
	for i, b := range payload {
		payload[i] = digits[b%32]
	}
}
