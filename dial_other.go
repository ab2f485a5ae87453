//go:build !js

package websocket

import (
	"context"
	"net"
	"net/http"
	"net/url"
)

// request makes the request, and those that redirects ask for.
func (d *dialer) request(ctx context.Context, u *url.URL) (*Conn, *http.Response, error) {
	for {
		c, resp, err := d.dial(ctx, u)
		if err == nil || resp == nil || !d.follows(resp) {
			return c, resp, err
		}
		d.MaxRedirects--
		if u, err = d.redirect(u, resp); err != nil {
			return nil, resp, err
		}
	}
}

// possible reports what cannot be had here.
func (d *dialer) possible(*url.URL) error { return nil }

// dialNetwork makes a network connection.
func dialNetwork(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}
