package conn

import (
	"context"
	"time"
)

// Observer has functions that are called for what happens on connections, for counting, logging and tracing. Each may be nil.
// Set it in Config.Observer; package observe has ready-made ones, and can combine several into one. An Observer must not be
// changed while a connection uses it.
//
// The functions may be called for several connections at once. They run on the goroutines that do the work, which wait for
// them, so they must be quick. Some are called in the middle of a call that reads or writes, so the only methods of the
// connection that they may call are those that return what never changes ([Conn.RemoteAddr], [Conn.LocalAddr], [Conn.NetConn],
// [Conn.Subprotocol], [Conn.Deflate]) and [Conn.Err].
type Observer struct {
	// Dialing is called when a client begins to open a connection, before anything else is done. It may add fields to Header, such
	// as the context of a trace, and replace Context with one derived from it, which the handshake then uses. Only Context, Start,
	// Header and what comes from the URL are set.
	Dialing func(h *Handshake)

	// Handshake is called when an opening handshake has succeeded, was refused, or has failed, for both roles. One that has
	// succeeded is told after Opened, and before anything is received on the connection or the Events of a loop are called; Ended
	// may come before it, if the connection is cut at once. Programs that call [Client] and [Server] themselves must call it
	// themselves.
	Handshake func(h *Handshake)

	// Opened is called for each new Conn, before anyone else can use it. Ended follows.
	Opened func(c *Conn)

	// Received is called when a whole message has arrived, even if it is dropped because the connection is closing.
	Received func(c *Conn, size MessageSize)

	// Sent is called when a message was accepted for sending, in the order in which messages go out; for a message of a
	// [Conn.Writer], at its end. The message is lost if the connection ends before it is on the wire.
	Sent func(c *Conn, size MessageSize)

	// RoundTrip is called with the time between a ping and its pong, for pings of [Conn.Ping] and of Config.PingInterval.
	RoundTrip func(c *Conn, rtt time.Duration)

	// QueueFull is called when [Conn.Send], or another call that does not wait, returns [ErrQueueFull].
	QueueFull func(c *Conn)

	// Slow is called when the network was slow to accept what was written, usually because the peer reads slowly. It is called
	// after the write, or when the connection has ended. took is how long the write has waited, which is at least SlowAfter.
	Slow func(c *Conn, took time.Duration)

	// SlowAfter is how long a write must wait to count as slow. 0 stands for [DefaultSlowAfter]; with a negative value, each write
	// counts that had to wait, or that might have had to, as with most writes over TLS.
	SlowAfter time.Duration

	// Clock, if not nil, tells the time before and after a write of which nobody knows whether it will wait, as with TLS; it counts
	// from any moment. The system's clock, which is used otherwise, costs two looks of 20 to 25 ns for each of these writes, and
	// one that goes in steps of a part of SlowAfter is good enough for Slow. It may be called from any goroutine.
	Clock func() time.Duration

	// Ended is called once when the connection has ended, with what [Conn.Err] returns from then on. The functions of [Conn.OnEnd]
	// are called after it. Calls under way may return before it is called, and with what they were about, Received, RoundTrip and
	// Slow may come after it.
	Ended func(c *Conn, e *CloseError)
}

// DefaultSlowAfter is how long a write must wait to count as slow, unless Observer.SlowAfter says otherwise.
const DefaultSlowAfter = time.Second

// MessageSize is the length of a message, before and after compression.
type MessageSize struct {
	Type   MessageType // text or binary
	Bytes  int64       // as the application has it
	Packed int64       // as it travels: after compression if it is compressed, and without the headers of its frames
}

// Handshake describes an opening handshake to an [Observer]. It has neither the query of the URL nor its user information,
// because they may contain secrets. Header may contain some.
type Handshake struct {
	Context context.Context // of the request, or as it was given to Dial
	Server  bool            // this side has answered; otherwise it has asked
	Start   time.Time       // when the call began that accepts or dials
	Took    time.Duration   // until it ended

	Scheme     string // ws or wss
	Host       string // with the port if that is in the URL or in the Host field
	Path       string // of the URL, as it was sent
	Proto      string // HTTP/1.1, HTTP/2.0 or HTTP/3.0; empty if a client got no response
	RemoteAddr string // a server's peer

	// Header is that of the request. On a server, it must not be changed; on a client, it has what Dial sends in addition to its
	// own fields.
	Header map[string][]string

	Status int   // of the response that was sent, or that came; 0 if there was none
	Conn   *Conn // nil if there is none
	Err    error // why there is none: a *handshake.Error, with a reason that the peer was told
}

// observer returns Config.Observer. It is not nil if out.observed is set.
func (c *Conn) observer() *Observer { return c.settings.Value().observer }

// observe makes o know of c. It is called before anybody else has c. o may be nil.
func (c *Conn) observe(o *Observer) {
	if o == nil {
		return
	}
	c.out.observed = true
	if o.Opened != nil {
		o.Opened(c)
	}
}

// observeReceived is called when the last part of a message was reported. The caller holds reading.
//
//go:noinline
func (c *Conn) observeReceived() {
	if f := c.observer().Received; f != nil {
		typ, n := c.receiver.Message()
		f(c, MessageSize{typ, n, c.receiver.Packed()})
	}
}

// observeSent is called when m was queued, which has packed bytes after compression. The caller holds out.mu.
//
//go:noinline
func (c *Conn) observeSent(m *outgoing, packed int) {
	f := c.observer().Sent
	switch {
	case f == nil:
	case m.sum == nil:
		f(c, MessageSize{m.typ, int64(len(m.payload)), int64(packed)})
	default:
		m.sum.Bytes += int64(len(m.payload))
		m.sum.Packed += int64(packed)
		if m.fin {
			f(c, *m.sum)
		}
	}
}

// observedWriter is a MessageWriter that knows how much it has sent.
type observedWriter struct {
	MessageWriter
	size MessageSize
}

// observedWriter returns the writer of Conn.Writer if there is an Observer.
func (c *Conn) observedWriter(ctx context.Context, typ MessageType) *MessageWriter {
	w := &observedWriter{size: MessageSize{Type: typ}}
	w.MessageWriter = MessageWriter{c: c, ctx: ctx, typ: typ, sum: &w.size}
	return &w.MessageWriter
}

// observeRoundTrip is called when a ping was answered.
func (c *Conn) observeRoundTrip(rtt time.Duration) {
	if !c.out.observed {
		return
	}
	if f := c.observer().RoundTrip; f != nil {
		f(c, rtt)
	}
}

// unaskedPing is the newest ping of Config.PingInterval, if it is observed.
type unaskedPing struct {
	payload [8]byte
	at      time.Duration // as heartbeat counts
}

// observePinged remembers a ping of Config.PingInterval. The caller holds out.mu.
func (c *Conn) observePinged(payload [8]byte) {
	if c.out.observed && c.observer().RoundTrip != nil {
		c.beat.pinged = &unaskedPing{payload, c.beat.now()}
	}
}

// observePong looks whether a pong answers a ping of Config.PingInterval.
func (c *Conn) observePong(payload []byte) {
	if !c.out.observed || c.beat == nil {
		return
	}
	c.out.mu.Lock()
	p := c.beat.pinged
	answered := p != nil && string(p.payload[:]) == string(payload)
	if answered {
		c.beat.pinged = nil
	}
	c.out.mu.Unlock()
	if answered {
		c.observeRoundTrip(c.beat.now() - p.at)
	}
}

// observeRefusal is called with the error of a call that sends and does not wait. The caller holds no lock.
func (c *Conn) observeRefusal(err error) {
	if err != ErrQueueFull || !c.out.observed {
		return
	}
	if f := c.observer().QueueFull; f != nil {
		f(c)
	}
}

// writeObserved is transport.write for all that there is. The caller may write, and does not hold out.mu.
func (c *Conn) writeObserved() (int, error) {
	o := c.observer()
	if o.Slow == nil {
		return c.transport.write(&c.out.sender, true)
	}
	start := o.now()
	n, err := c.transport.write(&c.out.sender, true)
	if took := o.now() - start; took >= o.slowAfter() {
		o.Slow(c, took)
	}
	return n, err
}

// observeBlocked is called when an event loop has to wait until more can be written. The caller holds out.mu.
func (c *Conn) observeBlocked() {
	if c.out.observed && c.observer().Slow != nil && c.coldState().blockedSince == 0 {
		c.cold.blockedSince = time.Since(clockStart)
	}
}

// observeUnblocked is called when all was written that an event loop may have waited for. The caller holds out.mu, which may be
// given up meanwhile.
func (c *Conn) observeUnblocked() {
	if !c.out.observed || c.cold == nil || c.cold.blockedSince == 0 {
		return
	}
	took := time.Since(clockStart) - c.cold.blockedSince
	c.cold.blockedSince = 0
	if o := c.observer(); took >= o.slowAfter() {
		c.out.mu.Unlock()
		o.Slow(c, took)
		c.out.mu.Lock()
	}
}

// clockStart is some time in the past: to ask what has passed since then takes half as long as to ask for the time.
var clockStart = time.Now()

// now is Clock with its default.
func (o *Observer) now() time.Duration {
	if o.Clock != nil {
		return o.Clock()
	}
	return time.Since(clockStart)
}

// slowAfter is SlowAfter with its default.
func (o *Observer) slowAfter() time.Duration {
	if o.SlowAfter == 0 {
		return DefaultSlowAfter
	}
	return o.SlowAfter
}

// observeEnd is called when the connection has ended. The caller holds no lock.
func (c *Conn) observeEnd() {
	if !c.out.observed {
		return
	}
	c.out.mu.Lock()
	c.observeUnblocked()
	c.out.mu.Unlock()
	if f := c.observer().Ended; f != nil {
		f(c, c.end.Load())
	}
}
