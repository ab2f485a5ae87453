package websocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"golang.org/x/net/http2"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/h2stream"
)

// dialHTTP2 opens the WebSocket on a connection of the pool, or with HTTP/1.1 and req if the server has no extended
// CONNECT.
func (d *dialer) dialHTTP2(ctx context.Context, u *url.URL, o *handshake.ClientOptions, req *handshake.Request) (*Conn, *http.Response, error) {
	offer, err := o.NewOffer(u)
	if err != nil {
		return nil, nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	getConn(trace, handshake.Address(u))
	via, err := d.proxyFor(ctx, u, o.Header)
	if err != nil {
		return nil, nil, err
	}
	key := poolKey{scheme: u.Scheme, address: handshake.Address(u), tls: d.TLSConfig}
	if via != nil {
		key.proxy = via.String()
	}
	for {
		pc, reused, nc, err := d.HTTP2.get(ctx, key, func() (net.Conn, error) { return d.connectVia(ctx, u, via, http2First) })
		if err == nil && pc == nil && nc == nil {
			nc, err = d.connectVia(ctx, u, via, onlyHTTP1)
		}
		switch {
		case err != nil:
			return nil, nil, err
		case pc == nil:
			return d.upgrade(ctx, nc, u, req)
		case reused:
			reusedConn(trace, pc.nc)
		}
		c, resp, err := d.openStream(ctx, pc, u, offer)
		switch {
		case err == nil || resp != nil || ctx.Err() != nil:
			return c, resp, err
		case wantsHTTP1(err):
			d.HTTP2.refused(key)
		case !reused || pc.client.CanTakeNewRequest():
			return nil, nil, err
		}
		// The connection has ended, or is about to, since it was last used: this is for another one.
	}
}

// wantsHTTP1 reports whether a server has refused a stream with HTTP_1_1_REQUIRED (RFC 9113 §7).
func wantsHTTP1(err error) bool {
	var e http2.StreamError
	return errors.As(err, &e) && e.Code == http2.ErrCodeHTTP11Required
}

// openStream makes an extended CONNECT on a connection with a stream reserved.
func (d *dialer) openStream(ctx context.Context, pc *poolConn, u *url.URL, offer *handshake.Offer) (*Conn, *http.Response, error) {
	r := (&http.Request{URL: httpURL(u), Host: d.Host}).WithContext(ctx)
	r.URL.User = nil
	if r.Host == "" {
		r.Host = handshake.HostField(u)
	}
	offer.SetConnect(r)
	stream, r := h2stream.NewRequest(r)
	settled := false
	defer func() {
		if !settled { // also if a hook of the caller panics
			stream.Abort()
		}
	}()
	stop := context.AfterFunc(ctx, stream.Abort)
	defer stop()
	resp, err := pc.client.RoundTrip(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, failed("the server did not answer in time", ctx.Err())
		}
		return nil, nil, failed("the stream could not be opened", err)
	}
	agreed, err := d.answered(pc, u, r, resp, offer)
	if err != nil {
		return nil, resp, err
	}
	if !stop() {
		resp.Body.Close()
		resp.Body = http.NoBody
		return nil, resp, failed("the handshake was given up", ctx.Err())
	}
	settled = true
	nc := stream.Conn(resp, pc.nc.LocalAddr(), pc.nc.RemoteAddr())
	resp.Body = http.NoBody
	return d.make(nc, negotiated(&agreed, d.Deflate, nil), resp)
}

// answered looks at a response. If that is a refusal, it has what is to be kept of its body.
func (d *dialer) answered(pc *poolConn, u *url.URL, r *http.Request, resp *http.Response, offer *handshake.Offer) (handshake.Agreed, error) {
	resp.Request = &http.Request{Method: r.Method, URL: u, Header: r.Header, Host: r.Host}
	if state, ok := stateOfTLS(pc.nc); ok && u.Scheme == "wss" { // and not that of a proxy
		resp.TLS = &state
	}
	if d.Jar != nil {
		d.Jar.SetCookies(httpURL(u), resp.Cookies())
	}
	agreed, err := offer.VerifyConnect(resp)
	if err == nil {
		return agreed, nil
	}
	body := resp.Body
	defer body.Close()
	switch {
	case d.follows(resp) || resp.StatusCode < 300: // what follows a WebSocket is no body
		resp.Body = http.NoBody
	default:
		keepBody(resp)
	}
	return agreed, err
}
