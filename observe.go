package websocket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/internal/observed"
)

// acceptObserved is accept for an Observer that wants to know of it.
func (a acceptor) acceptObserved(w http.ResponseWriter, r *http.Request, open opener) (c *Conn, err error) {
	start, returned, told := time.Now(), false, false
	open = open.telling(func(c *Conn) { // before its events
		told = true
		a.observeAnswer(r.Context(), nil, r, start, c, nil)
	})
	defer func() {
		if told {
			return
		}
		if !returned { // a hook of the caller panics
			err = failed("a function of the server has panicked", nil)
		}
		a.observeAnswer(r.Context(), nil, r, start, c, err)
	}()
	a.observed = true
	c, err = a.accept(w, r, open)
	returned = true
	return c, err
}

// observeAnswer tells the Observer, if there is one, how a handshake went. r is nil if no request was understood; then it came, or
// did not come, from nc.
func (o *AcceptOptions) observeAnswer(ctx context.Context, nc net.Conn, r *http.Request, start time.Time, c *Conn, err error) {
	if o.Config.Observer == nil || o.Config.Observer.Handshake == nil {
		return
	}
	h := &Handshake{Context: ctx, Server: true, Start: start, Took: time.Since(start), Conn: c, Err: err}
	if r == nil {
		h.RemoteAddr = remoteAddr(nc)
	} else {
		h.Scheme, h.Host, h.Path, h.RemoteAddr, h.Header = "ws", r.Host, r.URL.EscapedPath(), r.RemoteAddr, r.Header
		h.Proto = fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor) // of HTTP/3, r.Proto may be what :protocol says
		if r.TLS != nil {
			h.Scheme = "wss"
		}
	}
	switch {
	case err != nil:
		h.Status = observed.Status(err)
	case r.ProtoMajor > 1:
		h.Status = http.StatusOK
	default:
		h.Status = http.StatusSwitchingProtocols
	}
	told := false
	defer func() {
		if !told && c != nil { // the Observer panics, and nobody gets c
			c.CloseNow()
		}
	}()
	o.Config.Observer.Handshake(h)
	told = true
}
