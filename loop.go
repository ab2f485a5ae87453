package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/event"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/h2stream"
)

// Events are the callbacks for the connections of a [Loop]: see [github.com/seed60239977/websocket/event.Events].
type Events = event.Events

// LoopOptions configures a [Loop]: see [github.com/seed60239977/websocket/event.Options].
type LoopOptions = event.Options

// ErrLoopClosed is returned after [Loop.Shutdown] was called. It matches net.ErrClosed.
var ErrLoopClosed = event.ErrLoopClosed

// Loop drives any number of connections with a few goroutines: an idle connection has none, and takes an eighth of the memory of
// one with a goroutine. What arrives is delivered to [Events]. Everything else works as with any other [Conn]: hubs, Registry,
// Send, Ping and heartbeats. Only the calls that read fail, with [ErrEventDriven].
//
// It drives sockets on Linux (epoll), macOS and the BSDs (kqueue; built but not run by this project's tests). With TLS, HTTP/2,
// connections of other types, and on other systems, each connection gets the same calls from a goroutine of its own, which with
// HTTP/2 is that of the request; [Conn.EventDriven] reports which kind it is.
//
// Create a Loop with [NewLoop], and end it with [Loop.Shutdown]. Its methods may be called from any goroutine.
type Loop struct{ events *event.Loop }

// NewLoop returns a running loop. o may be nil. The error is the system's, when it is out of descriptors.
func NewLoop(o *LoopOptions) (*Loop, error) {
	l, err := event.New(o)
	if err != nil {
		return nil, err
	}
	return &Loop{l}, nil
}

// Handler returns an http.Handler that answers requests as [Accept] does and hands the connections to the loop. Events.Open
// gets the context that AcceptOptions.ConnContext returns, or [context.Background]. [Loop.Serve] is faster.
func (l *Loop) Handler(e Events, o *AcceptOptions) http.Handler {
	h := &loopHandler{loop: l, events: &e}
	if o != nil {
		h.options = *o
	}
	h.acceptor = h.options.acceptor()
	return h
}

// loopHandler is the http.Handler of a loop.
type loopHandler struct {
	loop     *Loop
	events   *Events
	options  AcceptOptions
	acceptor acceptor // with these
}

// ServeHTTP implements http.Handler.
func (h *loopHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := context.Background()
	if h.options.ConnContext != nil {
		ctx = h.options.ConnContext(r)
	}
	if h.options.Registry.begin() {
		defer h.options.Registry.done()
	}
	c, err := h.acceptor.accept(w, r, h.opener(ctx))
	if err != nil {
		h.options.refused(r, err.(*HandshakeError))
		return
	}
	if stream, ok := c.NetConn().(*h2stream.Conn); ok { // it ends with the request
		stream.Host(func() { h.loop.events.Host(ctx, c, h.events) })
	}
}

// opener is what makes the connections that get ctx.
func (h *loopHandler) opener(ctx context.Context) opener {
	return func(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config, tell func(c *Conn)) (*Conn, error) {
		made := func(c *Conn) {
			if h.options.Registry != nil {
				h.options.Registry.enterDriven(c)
			}
			if tell != nil {
				tell(c)
			}
		}
		if _, ok := nc.(*h2stream.Conn); ok { // ServeHTTP goes on with it
			c, err := blocking.open(nc, role, n, cfg)
			made(c)
			return c, err
		}
		return h.loop.events.Attach(nc, role, &event.Opening{Context: ctx, Negotiated: *n, Config: cfg, Events: h.events, Made: made})
	}
}

// Serve accepts connections from ln, without an HTTP server, and answers one request on each as [AcceptConn] does, whatever its
// path. It returns when ln fails or, with [ErrLoopClosed], after Shutdown; ln is closed then. Closing ln earlier does not
// always end Serve.
//
// If ln is a *net.TCPListener or *net.UnixListener, the loop does all of that: a client that connects and sends its request
// slowly needs no goroutine, and is refused after AcceptOptions.HandshakeTimeout. With other listeners, such as those of TLS,
// each connection needs a goroutine.
func (l *Loop) Serve(ln net.Listener, e Events, o *AcceptOptions) error {
	g := newGreeter(l, &e, o)
	err := l.events.Listen(ln, handshakeTimeout(g.options.HandshakeTimeout), g)
	if err == event.ErrNoListener {
		return l.events.Accept(ln, g.serve)
	}
	return err
}

// Dial is like the function [Dial], for a connection that the loop drives. Events may be called before Dial returns.
func (l *Loop) Dial(ctx context.Context, rawURL string, e Events, o *DialOptions) (*Conn, *http.Response, error) {
	return dialTo(ctx, rawURL, o, func(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config, tell func(c *Conn)) (*Conn, error) {
		return l.events.Attach(nc, role, &event.Opening{Context: context.Background(), Negotiated: *n, Config: cfg, Events: &e, Made: tell})
	})
}

// Shutdown stops accepting connections and closes all that are open with [StatusGoingAway], after what was already accepted for
// sending. It returns nil once all have ended, their Events.Close has returned, and nothing of the loop is left. If ctx ends
// first, Shutdown cuts the remaining connections and returns the error of ctx. It may be called more than once.
func (l *Loop) Shutdown(ctx context.Context) error { return l.events.Shutdown(ctx) }

// greeter answers the requests of connections that did not come through net/http.
type greeter struct {
	loop     *Loop
	events   *Events
	options  AcceptOptions
	acceptor acceptor // with these
	answers  bool     // requests without making one of net/http's: no function of the caller gets it

	plain *event.Opening // of all connections for which nothing was agreed on, if no function of the caller asks which one it is
}

func newGreeter(l *Loop, e *Events, o *AcceptOptions) *greeter {
	g := &greeter{loop: l, events: e}
	if o != nil {
		g.options = *o
	}
	g.acceptor = g.options.acceptor()
	hooks := &g.options
	g.answers = hooks.CheckOrigin == nil && hooks.SelectSubprotocol == nil && hooks.ConnContext == nil && hooks.OnError == nil &&
		hooks.Config.Observer == nil && hooks.Validate() == nil
	if g.answers && hooks.Registry == nil {
		g.plain = g.opening(context.Background(), &handshake.Response{}, nil, false)
	}
	return g
}

// Greet implements [event.Greeter].
func (g *greeter) Greet(nc net.Conn, received, room []byte) event.Reply {
	s := takeScratch()
	defer s.free()
	if g.answers {
		return g.answer(s, received, room)
	}
	return g.greet(s, nc, received, room)
}

// answer is Greet where nobody wants to see the request.
func (g *greeter) answer(s *scratch, received, room []byte) (reply event.Reply) {
	resp, used, err := g.acceptor.checked.Answer(&s.parser, received)
	if err == nil && used == 0 {
		return reply
	}
	counted := err == nil && g.options.Registry.begin()
	if err == nil {
		err = g.options.Registry.admit()
	}
	if err != nil {
		if counted {
			g.options.Registry.done()
		}
		return event.Reply{Response: g.refuse(nil, err)}
	}
	opening := g.opening(context.Background(), &resp, received[used:], counted)
	return event.Reply{Response: resp.AppendResponse(room), Opening: opening}
}

// greet is Greet where functions of the caller get the request.
func (g *greeter) greet(s *scratch, nc net.Conn, received, room []byte) event.Reply {
	o := &g.options
	var start time.Time
	if o.Config.Observer != nil {
		start = time.Now()
	}
	r, used, err := s.parser.Parse(context.Background(), received)
	if err == nil && r == nil {
		return event.Reply{}
	}
	counted := false
	if err == nil {
		describe(r, nc)
		counted = o.Registry.begin()
	}
	opening := false
	defer func() {
		if counted && !opening { // also if a hook of the caller panics
			o.Registry.done()
		}
	}()
	var resp handshake.Response
	if err == nil {
		err = g.acceptor.decide(r, nil, &resp)
	}
	if err == nil {
		err = o.Registry.admit()
	}
	if err != nil {
		o.observeAnswer(context.Background(), nc, r, start, nil, err)
		return event.Reply{Response: g.refuse(r, err)}
	}
	ctx := context.Background()
	if o.ConnContext != nil {
		ctx = o.ConnContext(r)
	}
	opening = true
	made := g.opening(ctx, &resp, received[used:], counted && o.Config.Observer == nil)
	if o.Config.Observer != nil {
		made = g.observed(r, start, made, counted)
	}
	return event.Reply{Response: resp.AppendResponse(room), Opening: made}
}

// opening is what the connection is made with. counted says that the Registry has counted the handshake.
func (g *greeter) opening(ctx context.Context, resp *handshake.Response, rest []byte, counted bool) *event.Opening {
	o := &g.options
	if a := &resp.Agreed; g.plain != nil && a.Subprotocol == "" && a.Deflate == nil && len(rest) == 0 {
		return g.plain
	}
	opening := &event.Opening{Context: ctx, Config: &o.Config, Events: g.events}
	opening.Negotiated = *negotiated(&resp.Agreed, o.Deflate, append([]byte(nil), rest...))
	if o.Registry != nil {
		done := func() {
			if counted {
				o.Registry.done()
			}
		}
		opening.Made = func(c *Conn) { o.Registry.enterDriven(c); done() }
		opening.Failed = func(error) { done() }
	}
	return opening
}

// observed tells the Observer what becomes of a handshake that is accepted. counted says that the Registry has counted it.
func (g *greeter) observed(r *http.Request, start time.Time, o *event.Opening, counted bool) *event.Opening {
	all := *o
	done := func() {
		if counted {
			g.options.Registry.done()
		}
	}
	all.Made = func(c *Conn) {
		defer done() // also if the Observer panics
		if o.Made != nil {
			o.Made(c)
		}
		g.options.observeAnswer(all.Context, nil, r, start, c, nil)
	}
	all.Failed = func(err error) {
		defer done()
		if o.Failed != nil {
			o.Failed(err)
		}
		g.options.observeAnswer(all.Context, nil, r, start, nil, failed("the response could not be sent", err))
	}
	return &all
}

// Failed implements [event.Greeter].
func (g *greeter) Failed(nc net.Conn, err error) []byte {
	failure := readFailed(context.Background(), err)
	g.options.observeAnswer(context.Background(), nc, nil, time.Now(), nil, failure)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		return g.refuse(nil, failure)
	}
	return nil
}

// refuse returns what a client is told, which is nothing if it did not send a request.
func (g *greeter) refuse(r *http.Request, err error) []byte {
	var e *handshake.Error
	if !errors.As(err, &e) {
		return nil
	}
	if r != nil {
		g.options.refused(r, e)
	}
	if e.Status == 0 {
		return nil
	}
	return e.AppendResponse(nil)
}

// serve is the goroutine of a connection that the loop does not drive.
func (g *greeter) serve(ctx context.Context, nc net.Conn) {
	growStack()
	opened := context.Background()
	c, r, err := g.options.receive(ctx, nc, func(r *http.Request) {
		if g.options.ConnContext != nil {
			opened = g.options.ConnContext(r)
		}
	})
	if err != nil {
		if r != nil {
			g.options.refused(r, err.(*HandshakeError))
		}
		return
	}
	g.loop.events.Adopt(opened, c, g.events)
}
