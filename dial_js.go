package websocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/browser"
)

// request has the browser make the connection. Nothing else of this package is linked for that: not TLS, not HTTP/2, no proxies.
func (d *dialer) request(ctx context.Context, u *url.URL) (*Conn, *http.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, failed("the server did not answer in time", err)
	}
	target := handshake.Address(u)
	ws, err := browser.Dial(ctx, u, d.Subprotocols, "browser", browser.Addr(target))
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, nil, failed("the server did not answer in time", err)
	case err != nil:
		return nil, nil, failed("cannot connect to "+target, err)
	}
	d.Config.SkipUTF8 = true // the browser has looked
	return d.make(ws, &conn.Negotiated{Subprotocol: ws.Subprotocol}, disclosed(ws, u))
}

// disclosed returns a response that has what the browser tells.
func disclosed(ws *browser.WebSocket, u *url.URL) *http.Response {
	header := http.Header{}
	if ws.Subprotocol != "" {
		header.Set("Sec-WebSocket-Protocol", ws.Subprotocol)
	}
	if ws.Extensions != "" {
		header.Set("Sec-WebSocket-Extensions", ws.Extensions)
	}
	return &http.Response{
		Status:     "101 Switching Protocols",
		StatusCode: http.StatusSwitchingProtocols,
		Header:     header,
		Body:       http.NoBody,
		Request:    &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}},
	}
}

// possible reports what cannot be had here. It is asked before an Observer adds fields to the header, which are not sent.
func (d *dialer) possible(u *url.URL) error { return d.beyondBrowsers(u) }

// dialNetwork is for [Connect], as long as DialOptions.NetDial makes no network connections.
func dialNetwork(context.Context, string, string) (net.Conn, error) {
	return nil, &BrowserError{What: "make network connections"}
}
