//go:build !js

package websockettest

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/seed60239977/websocket"
)

// connect makes the client's end on nc.
func (o *Options) connect(nc net.Conn) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(context.Background(), URL, o.dial(nc))
	return c, err
}

// dial returns the options of a client that finds its server on nc, and nowhere else.
func (o *Options) dial(nc net.Conn) *websocket.DialOptions {
	var d websocket.DialOptions
	if o.Dial != nil {
		d = *o.Dial
	}
	d.NetDial = func(context.Context, string, string) (net.Conn, error) { return nc, nil }
	d.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	d.MaxRedirects = 0
	return &d
}
