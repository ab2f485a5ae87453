package websocket

import (
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/h2stream"
)

// acceptConnect is accept for a request of HTTP/2 or HTTP/3 (RFC 8441, RFC 9220): what follows the response on the
// stream is the connection.
func (a acceptor) acceptConnect(w http.ResponseWriter, r *http.Request, open opener) (*Conn, error) {
	o := a.AcceptOptions
	agreed, err := a.decideConnect(r)
	if err == nil {
		err = o.Registry.admit()
	}
	if err != nil {
		return nil, refuse(w, r, err.(*handshake.Error))
	}
	s, err := o.answerConnect(innermost(w), r, o.connectHeader(w.Header(), &agreed))
	if errors.Is(err, http.ErrNotSupported) {
		return nil, refuse(w, r, &handshake.Error{
			Status: http.StatusInternalServerError,
			Reason: "this server cannot make a WebSocket of a stream",
			Err:    err,
		})
	}
	if err != nil {
		return nil, failed("the response could not be sent", err)
	}
	c, err := open.open(s, frame.Server, negotiated(&agreed, o.Deflate, nil), &o.Config)
	return o.made(open, c, err)
}

// decideConnect returns what is agreed to with HTTP/2 or HTTP/3. What follows needs much of the goroutine's stack, so what this does
// is not on it any more.
func (a acceptor) decideConnect(r *http.Request) (handshake.Agreed, error) {
	if a.checked != nil {
		return a.checked.AcceptConnect(r)
	}
	decide := a.decisions()
	return decide.AcceptConnect(r)
}

// innermost undoes what middleware has made of w: like that of a connection that is taken over, the content of the
// stream is not a response to be compressed or counted.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// connectHeader is the header of the response that accepts.
func (o *AcceptOptions) connectHeader(middleware http.Header, agreed *handshake.Agreed) http.Header {
	h := http.Header{}
	maps.Copy(h, withMiddleware(o.Header, middleware))
	agreed.SetHeader(h)
	return h
}

// answerConnect sends the response that accepts, and makes a net.Conn of the stream. Nothing has been sent if the error is
// [http.ErrNotSupported].
func (o *AcceptOptions) answerConnect(w http.ResponseWriter, r *http.Request, h http.Header) (*h2stream.Conn, error) {
	control := http.NewResponseController(w)
	var deadline time.Time
	if timeout := handshakeTimeout(o.HandshakeTimeout); timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	err := control.SetReadDeadline(time.Time{})
	if err == nil {
		err = control.SetWriteDeadline(deadline)
	}
	if err != nil {
		return nil, err
	}
	clear(w.Header())
	maps.Copy(w.Header(), h)
	w.WriteHeader(http.StatusOK)
	if err := control.Flush(); err != nil {
		return nil, err
	}
	return h2stream.Serve(w, r)
}
