// Package observed tells a conn.Observer of the opening handshakes of clients, over whatever version of HTTP.
package observed

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// Dial tells o, which may be nil, that a client begins to open a connection to u, which is nil if that is not valid. header is
// what the client sends besides its own fields; it is not changed. It returns the context and the header to go on with, and what
// to call with the result, the first time; further calls do nothing.
func Dial(ctx context.Context, o *conn.Observer, u *url.URL, header http.Header) (context.Context, http.Header, func(*conn.Conn, *http.Response, error)) {
	if o == nil || o.Dialing == nil && o.Handshake == nil {
		return ctx, header, func(*conn.Conn, *http.Response, error) {}
	}
	h := &conn.Handshake{Context: ctx, Start: time.Now(), Header: maps.Clone(header)}
	if h.Header == nil {
		h.Header = http.Header{}
	}
	if u != nil {
		h.Scheme, h.Host, h.Path = u.Scheme, u.Host, u.EscapedPath()
	}
	if o.Dialing != nil {
		o.Dialing(h)
	}
	told := false
	return h.Context, h.Header, func(c *conn.Conn, resp *http.Response, err error) {
		if told {
			return
		}
		told = true
		h.Took, h.Conn, h.Err, h.Status = time.Since(h.Start), c, err, Status(err)
		if resp != nil {
			h.Status, h.Proto = resp.StatusCode, resp.Proto
		}
		if o.Handshake != nil {
			o.Handshake(h)
		}
	}
}

// Status returns the status of the response that the error of a handshake stands for, or 0.
func Status(err error) int {
	var e *handshake.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
