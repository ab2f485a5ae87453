package websocket

import (
	"bufio"
	"bytes"
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

// AcceptOptions configures [Accept], [AcceptConn] and [Handler]. The zero value, and nil, are safe: only requests of the
// same origin, or without one, get a connection, and the connection has the default limits. The options are only read, so
// that any number of calls may share them.
type AcceptOptions struct {
	// Config holds the limits and habits of the connections. Its Subprotocol, Buffered, Deflate and DeflateOptions are set
	// by the handshake.
	Config Config

	// Deflate, if not nil, compresses messages (RFC 7692) with clients that offer it. &DeflateOptions{} is right for most;
	// [github.com/seed60239977/websocket/deflate.Options] says what it costs in memory.
	Deflate *DeflateOptions

	// Subprotocols are the names the server speaks, in its order of preference. The first one that the client offers is
	// agreed on; when there is none, the connection goes without one.
	Subprotocols []string

	// SelectSubprotocol, if not nil, chooses instead of Subprotocols. It gets what the client offered, in the client's
	// order and possibly nothing, and returns one of these names, or "" for none. An error refuses the request: with
	// its own status if it is a [*HandshakeError], otherwise with 400.
	SelectSubprotocol func(r *http.Request, offered []string) (string, error)

	// AllowedOrigins lists the origins that may connect besides the one that the request is addressed to, as patterns
	//
	//	[scheme://]host[:port]
	//
	// where the scheme is http or https if left out and the port is the scheme's default one. A host "*.example.com" stands
	// for all names below example.com, but not for itself; a port "*" for all ports. With a scheme other than http and https
	// the host may be "*": "chrome-extension://*", "vscode-webview://*"; or one that only desktop shells have:
	// "tauri://localhost", "app://.", "file://". "null" allows the opaque origin of sandboxed frames and local files, "*"
	// allows everybody. [handshake.ServerOptions] lists what browsers' extensions and desktop shells send.
	AllowedOrigins []string

	// CheckOrigin, if not nil, decides alone: AllowedOrigins is not looked at. An error refuses the request: with its
	// own status if it is a [*HandshakeError], otherwise with 403.
	CheckOrigin func(r *http.Request) error

	// Header is sent with the response that accepts. [Accept] and [Handler] also send what middleware has put into the
	// ResponseWriter's header, unless it is here too. Fields that belong to the handshake may not be in it.
	Header http.Header

	// Lenient allows names of subprotocols that are not tokens, against §4.1, such as "SPDY/3.1+portforward.k8s.io", as
	// long as they are visible ASCII characters without a comma.
	Lenient bool

	// HandshakeTimeout bounds what is left to wait for in a handshake: with [AcceptConn] the arrival of the request and
	// the sending of the response, otherwise only the latter, because net/http has read the request (see
	// http.Server.ReadHeaderTimeout). 0 stands for [DefaultHandshakeTimeout]; a negative value sets no bound.
	HandshakeTimeout time.Duration

	// ConnContext, if not nil, makes the context that [Handler] passes on, from a request that is about to be
	// answered. Without it, that is [context.Background]. A context that is derived from the request's is of little
	// use: it is canceled when the request is answered, and keeps all of the request in memory.
	ConnContext func(r *http.Request) context.Context

	// Registry, if not nil, knows the connections, so that its Shutdown can end them in good order.
	Registry *Registry

	// OnError, if not nil, is told by [Handler] about requests that did not become a connection, after they were
	// answered. The error is a [*HandshakeError]. Without it, [Handler] logs those with status 500, which are the server's
	// own fault, as net/http would log them.
	OnError func(r *http.Request, err error)
}

// Validate reports what is wrong with the options themselves, such as an invalid pattern in AllowedOrigins: a server that
// calls it when it starts need not wait for a request to find out. The error is a [*HandshakeError] with status 500, with
// which every request would be refused.
func (o *AcceptOptions) Validate() error {
	if o == nil {
		return nil
	}
	decide := o.decisions()
	return decide.Validate()
}

// Accept answers the request with the opening handshake and returns the connection. It may be used with any
// http.ResponseWriter that http.ResponseController can hijack, also through middleware; the caller must not write to w.
// If the handshake is refused, Accept has answered with the HTTP status that fits and returns a [*HandshakeError] with the
// same status.
//
// With HTTP/1.1, the connection does not end with the request, and r.Context() is canceled when the http.Handler returns. A
// handler that stays for as long as the connection lives keeps the request and all its buffers alive; [Handler] does not.
//
// With HTTP/2 and HTTP/3, an extended CONNECT (RFC 8441, RFC 9220) opens a connection that is a stream of that request: it
// lives no longer than the request, so the http.Handler must not return before the connection has ended ([Conn.Done] tells),
// and should return then; [Handler] does so. The response is written with http.ResponseController's deadlines, past
// middleware that has an Unwrap method; without them, the request is refused with 500. An extended CONNECT for another
// protocol, and all other requests, are refused with 501. See package http2 for how to have net/http offer it.
func Accept(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Conn, error) {
	if o == nil {
		o = &AcceptOptions{}
	}
	if o.Registry.begin() {
		defer o.Registry.done()
	}
	return o.accept(w, r, blocking)
}

// accept is Accept for a handshake that the Registry knows of.
func (o *AcceptOptions) accept(w http.ResponseWriter, r *http.Request, open opener) (*Conn, error) {
	if o.Config.Observer != nil {
		return o.acceptObserved(w, r, open)
	}
	return o.answer(w, r, open)
}

// answer is accept for a handshake that nobody observes.
func (o *AcceptOptions) answer(w http.ResponseWriter, r *http.Request, open opener) (*Conn, error) {
	if r.ProtoMajor > 1 {
		return o.acceptConnect(w, r, open)
	}
	decide := o.decisions()
	decide.Header = withMiddleware(o.Header, w.Header())
	resp, err := decide.Accept(r)
	if err == nil {
		err = o.Registry.admit()
	}
	if err != nil {
		return nil, refuse(w, r, err.(*handshake.Error))
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, refuse(w, r, &handshake.Error{
			Status: http.StatusInternalServerError,
			Reason: "this server cannot switch protocols",
			Err:    err,
		})
	}
	limit := o.limit(nc)
	return o.open(nc, &limit, &resp, buffered(brw.Reader), open)
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

// buffered returns a copy of what has been read behind the end of a handshake.
func buffered(br *bufio.Reader) []byte {
	if br.Buffered() == 0 {
		return nil
	}
	b, _ := br.Peek(br.Buffered())
	return bytes.Clone(b)
}

// open sends the response and makes the connection, whose limit it clears. It owns nc.
func (o *AcceptOptions) open(nc net.Conn, limit *interrupt.Limit, resp *handshake.Response, buffered []byte, open opener) (*Conn, error) {
	s := scratches.Get().(*scratch)
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
	return o.made(open.open(nc, frame.Server, negotiated(&resp.Agreed, o.Deflate, buffered), &o.Config))
}

// made is the end of a handshake that has made a connection, unless err says why not.
func (o *AcceptOptions) made(c *Conn, err error) (*Conn, error) {
	if err != nil {
		return nil, failed("the connection could not be made", err)
	}
	if err := o.Registry.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// opener makes a connection of what a handshake has settled. It owns nc.
type opener func(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config) (*Conn, error)

// blocking is the opener for connections that a goroutine waits for.
var blocking opener

// open calls the opener.
func (open opener) open(nc net.Conn, role frame.Role, n *conn.Negotiated, cfg *Config) (*Conn, error) {
	switch {
	case open != nil:
		settled, config := *n, *cfg // so that these need not go to the heap else
		return open(nc, role, &settled, &config)
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
