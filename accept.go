package websocket

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// DefaultHandshakeTimeout bounds an opening handshake unless an option says otherwise.
const DefaultHandshakeTimeout = 10 * time.Second

// AcceptOptions configures [Accept], [AcceptConn] and [Handler]. The zero value and nil are safe: only requests from the same
// origin, or without an Origin, are accepted, and the default limits apply. The options are never modified, so any number of
// calls may share them.
type AcceptOptions struct {
	// Config has the limits and settings of the connections.
	Config Config

	// Deflate, if not nil, compresses messages (RFC 7692) if the client offers to. &DeflateOptions{} suits most programs;
	// [github.com/seed60239977/websocket/deflate.Options] says what it costs in memory.
	Deflate *DeflateOptions

	// Subprotocols are those that the server speaks, in order of preference. The first one that the client offers is chosen; if it
	// offers none of them, the connection has no subprotocol.
	Subprotocols []string

	// SelectSubprotocol, if not nil, is used instead of Subprotocols. It gets what the client offered, if anything, in the
	// client's order, and returns one of these names, or "" for none. An error refuses the request, with its own status if it is a
	// [*HandshakeError] and otherwise with 400.
	SelectSubprotocol func(r *http.Request, offered []string) (string, error)

	// AllowedOrigins lists the origins that may connect, in addition to the one that the request is addressed to, as patterns
	//
	//	[scheme://]host[:port]
	//
	// Without a scheme, both http and https match; without a port, only the default port of the scheme does. The host
	// "*.example.com" stands for all names below example.com, but not for example.com itself; the port "*" stands for all ports.
	// With schemes other than http and https, the host may be "*", as in "chrome-extension://*" and "vscode-webview://*", or one
	// that only desktop shells use, as in "tauri://localhost", "app://." and "file://". "null" allows the opaque origin of
	// sandboxed frames and local files. "*" allows every origin. [handshake.ServerOptions] lists what browsers' extensions and
	// desktop shells send.
	AllowedOrigins []string

	// CheckOrigin, if not nil, decides alone, and AllowedOrigins is ignored. An error refuses the request, with its own status if
	// it is a [*HandshakeError] and otherwise with 403.
	CheckOrigin func(r *http.Request) error

	// Header is added to the response that accepts a connection. [Accept] and [Handler] also send the fields that middleware has
	// set in the ResponseWriter's header, except those that are here too. It must not have fields of the handshake itself.
	Header http.Header

	// Lenient allows names of subprotocols that are not tokens, against §4.1, such as "SPDY/3.1+portforward.k8s.io", as
	// long as a field can hold them and they have no comma. And SelectSubprotocol may answer with what the client has not
	// offered, against §4.2.2, as some clients expect it; browsers and most other clients fail then.
	Lenient bool

	// HandshakeTimeout limits how long a handshake may wait: in [AcceptConn] for the request to arrive and the response to be
	// sent, elsewhere only for the latter, because net/http reads the request (see http.Server.ReadHeaderTimeout). 0 stands for
	// [DefaultHandshakeTimeout]; a negative value means no limit.
	HandshakeTimeout time.Duration

	// ConnContext, if not nil, returns the context that [Handler] passes on. It is called before the request is answered. Without
	// it, the context is [context.Background]. Do not derive one from the request's context, which is canceled when the request is
	// answered and keeps the whole request in memory.
	ConnContext func(r *http.Request) context.Context

	// Registry, if not nil, keeps track of the connections, so that its Shutdown can close them in an orderly way.
	Registry *Registry

	// OnError, if not nil, is called by [Handler] for requests that did not become a connection, after they were answered, and by
	// [Loop.Serve], perhaps shortly before they are. The error is a [*HandshakeError]. Without it, [Handler] logs the errors with
	// status 500, which are the server's own fault, in the way that net/http would.
	OnError func(r *http.Request, err error)
}

// Validate reports what is wrong with the options themselves, such as an invalid pattern in AllowedOrigins. A server that calls
// it at startup finds out before the first request. The error is the [*HandshakeError] with status 500 with which every request
// would be refused.
func (o *AcceptOptions) Validate() error {
	if o == nil {
		return nil
	}
	decide := o.decisions()
	return decide.Validate()
}

// Accept does the opening handshake and returns the connection. It works with any http.ResponseWriter that
// http.ResponseController can hijack, including those of middleware; the caller must not write to w. If Accept refuses the
// handshake, it answers with the appropriate HTTP status and returns a [*HandshakeError] with the same status.
//
// With HTTP/1.1, the connection does not end with the request, and r.Context() is canceled when the http.Handler returns. A
// handler that runs for as long as the connection is open keeps the request and its stack in memory, some 5 KiB; [Handler] does not.
//
// With HTTP/2 and HTTP/3, an extended CONNECT (RFC 8441, RFC 9220) opens a connection on the stream of that request. The stream
// lives no longer than the request, so the http.Handler must not return before the connection has ended (see [Conn.Done]), and
// should return then; [Handler] does so. The response is written with http.ResponseController's deadlines, past middleware that
// has an Unwrap method; without them, the request is refused with 500. An extended CONNECT for another protocol, and all other
// requests, are refused with 501. Package http2 makes net/http offer it.
func Accept(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Conn, error) {
	if o == nil {
		o = &AcceptOptions{}
	}
	if o.Registry.begin() {
		defer o.Registry.done()
	}
	return o.acceptor().accept(w, r, blocking)
}

// acceptor is AcceptOptions at work.
type acceptor struct {
	*AcceptOptions
	checked  *handshake.Server // what they say about the handshake itself
	observed bool              // the Observer is told by whoever calls
}

// acceptor returns o at work for any number of requests.
func (o *AcceptOptions) acceptor() acceptor {
	decide := o.decisions()
	return acceptor{AcceptOptions: o, checked: handshake.NewServer(&decide)}
}

// accept is Accept for a handshake that the Registry knows of.
//
// It and what it calls have small frames: on the stack of net/http's goroutine there is little left of 4 KiB, and a handler that
// serves the connection itself keeps what was needed once.
func (a acceptor) accept(w http.ResponseWriter, r *http.Request, open opener) (*Conn, error) {
	switch {
	case a.Config.Observer != nil && !a.observed:
		return a.acceptObserved(w, r, open)
	case r.ProtoMajor > 1:
		return a.acceptConnect(w, r, open)
	}
	var resp handshake.Response
	if err := a.decide(r, w.Header(), &resp); err != nil {
		return nil, refuse(w, r, err.(*handshake.Error))
	}
	return a.upgrade(w, r, &resp, open)
}

// upgrade is accept for a request of HTTP/1.1, whose response is decided.
func (a acceptor) upgrade(w http.ResponseWriter, r *http.Request, resp *handshake.Response, open opener) (*Conn, error) {
	if err := a.Registry.admit(); err != nil {
		return nil, refuse(w, r, err.(*handshake.Error))
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, cannotSwitch(w, r, err)
	}
	limit := a.limit(nc)
	return a.open(nc, &limit, resp, conn.Hijacked(nc, brw), open)
}

// cannotSwitch refuses a request on a connection that cannot be had from the server.
func cannotSwitch(w http.ResponseWriter, r *http.Request, err error) error {
	return refuse(w, r, &handshake.Error{
		Status: http.StatusInternalServerError,
		Reason: "this server cannot switch protocols",
		Err:    err,
	})
}

// decide puts the response to a request of HTTP/1.1 into resp, which is zero, with what middleware wants to have sent.
func (a acceptor) decide(r *http.Request, middleware http.Header, resp *handshake.Response) (err error) {
	if len(middleware) > 0 {
		return a.decideWith(r, middleware, resp)
	}
	*resp, err = a.checked.Accept(r)
	return err
}

// decideWith is decide for what middleware wants to have sent, too. It is apart because of its frame.
//
//go:noinline
func (a acceptor) decideWith(r *http.Request, middleware http.Header, resp *handshake.Response) (err error) {
	decide := a.decisions()
	decide.Header = withMiddleware(a.Header, middleware)
	*resp, err = decide.Accept(r)
	return err
}

// decisions are the options that the handshake itself is about.
func (o *AcceptOptions) decisions() handshake.ServerOptions {
	return handshake.ServerOptions{
		Subprotocols:      o.Subprotocols,
		SelectSubprotocol: o.SelectSubprotocol,
		AllowedOrigins:    o.AllowedOrigins,
		CheckOrigin:       o.CheckOrigin,
		Header:            o.Header,
		Deflate:           o.Deflate,
		Lenient:           o.Lenient,
	}
}

// withMiddleware adds to a caller's header what middleware wants to have sent, less what has no place in a handshake.
func withMiddleware(own, middleware http.Header) http.Header {
	if len(middleware) == 0 {
		return own
	}
	all := own.Clone()
	for name, values := range middleware {
		if _, set := own[name]; set || handshake.Reserved(name) {
			continue
		}
		if all == nil {
			all = http.Header{}
		}
		all[name] = values
	}
	return all
}

// refuse answers with the refusal and returns it. Nothing behind the request is read: to a proxy that takes any answer to
// an upgrade for an open tunnel, these bytes are not a request.
func refuse(w http.ResponseWriter, r *http.Request, e *handshake.Error) error {
	h := w.Header()
	for name, values := range e.Header {
		h[name] = values
	}
	if r.ProtoMajor == 1 {
		h["Connection"] = append([]string{"close"}, e.Header["Connection"]...)
	}
	http.Error(w, e.Reason, e.Status)
	return e
}

// limit bounds the handshake on nc, in place of the deadlines that an HTTP server may have set.
func (o *AcceptOptions) limit(nc net.Conn) interrupt.Limit {
	var at time.Time
	if timeout := handshakeTimeout(o.HandshakeTimeout); timeout > 0 {
		at = time.Now().Add(timeout)
	}
	return interrupt.NewLimit(nc, at)
}

// handshakeTimeout applies the default; a negative result means none.
func handshakeTimeout(option time.Duration) time.Duration {
	if option == 0 {
		return DefaultHandshakeTimeout
	}
	return option
}

// open sends the response and makes the connection, whose limit it clears. It owns nc.
func (o *AcceptOptions) open(nc net.Conn, limit *interrupt.Limit, resp *handshake.Response, buffered []byte, open opener) (*Conn, error) {
	s := takeScratch()
	_, err := nc.Write(resp.AppendResponse(s.buf[:0]))
	s.free()
	if err == nil {
		err = limit.Clear()
	}
	if err != nil {
		err = limit.Cause(err)
		limit.Stop()
		interrupt.CloseGently(nc)
		return nil, failed("the response could not be sent", err)
	}
	c, err := open.open(nc, frame.Server, negotiated(&resp.Agreed, o.Deflate, buffered), &o.Config)
	return o.made(open, c, err)
}

// made is the end of a handshake for which open has made a connection, unless err says why not.
func (o *AcceptOptions) made(open opener, c *Conn, err error) (*Conn, error) {
	if err != nil {
		return nil, failed("the connection could not be made", err)
	}
	if open != nil {
		return c, nil
	}
	if err := o.Registry.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// opener makes a connection of what a handshake has settled. It owns nc. Before anything can happen on the connection, it adds it to
// the Registry if it is for a server, and then calls tell, which may be nil.
type opener func(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config, tell func(c *Conn)) (*Conn, error)

// blocking is the opener for connections that a goroutine waits for. Its caller adds them to the Registry, and tells of them.
var blocking opener

// telling returns open with tell. If open is blocking, so is the result.
func (open opener) telling(tell func(c *Conn)) opener {
	if open == nil {
		return nil
	}
	return func(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config, _ func(c *Conn)) (*Conn, error) {
		return open(nc, role, n, cfg, tell)
	}
}

// open calls the opener.
func (open opener) open(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config) (*Conn, error) {
	switch {
	case open != nil:
		settled, config := *n, *cfg // so that these need not go to the heap else
		return open(nc, role, &settled, &config, nil)
	case role == frame.Client:
		return conn.Client(nc, n, cfg), nil
	}
	return conn.Server(nc, n, cfg), nil
}

// negotiated is what a handshake has settled.
func negotiated(agreed *handshake.Agreed, options *DeflateOptions, buffered []byte) *conn.Negotiated {
	return &conn.Negotiated{
		Subprotocol: agreed.Subprotocol, Deflate: agreed.Deflate, DeflateOptions: options, Buffered: buffered,
	}
}

// failed is a handshake that ended without a response.
func failed(reason string, err error) error { return &handshake.Error{Reason: reason, Err: err} }
