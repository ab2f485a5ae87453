package websocket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// How much of a response is read.
const (
	maxResponseHeader = 64 << 10 // octets
	maxResponseBody   = 64 << 10 // octets
	maxResponses      = 5        // the final one and those with a status 1xx in front of it
)

// DialOptions are the wishes of a client. The zero value, and nil, connect without cookies, subprotocols or redirects.
// Options are only read; any number of calls may share them.
type DialOptions struct {
	// Config holds the limits and habits of the connection. Its Subprotocol, Buffered, Deflate and DeflateOptions are set
	// by the handshake.
	Config Config

	// Deflate, if not nil, offers to compress messages (RFC 7692). &DeflateOptions{} is right for most; what it costs in
	// memory is told at [github.com/seed60239977/websocket/deflate.Options].
	Deflate *DeflateOptions

	// Subprotocols are offered to the server, in order of preference: tokens, each of them once. What the server chose is
	// Conn.Subprotocol.
	Subprotocols []string

	// Header is sent along with the request: Origin, Authorization, User-Agent and the like. Fields that belong to the
	// handshake may not be in it.
	Header http.Header

	// Host is sent instead of the URL's host if it is not empty.
	Host string

	// TLSConfig is used for wss. It is copied; a ServerName is taken from the URL if it has none, and the protocol that is
	// negotiated by ALPN is always HTTP/1.1. nil is the default configuration.
	TLSConfig *tls.Config

	// NetDial, if not nil, makes the network connections instead of a [net.Dialer]. network is "tcp" and address the host
	// and port of the URL or, if there is one, of the proxy.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// Proxy returns the URL of the proxy for a request, or nil for none, as http.Transport.Proxy does. nil stands for
	// [http.ProxyFromEnvironment], that is HTTP_PROXY for ws, HTTPS_PROXY for wss, and NO_PROXY for exceptions, of which
	// localhost is always one; http.ProxyURL(nil) turns proxies off. The request has no more than the URL, with the scheme
	// http or https and without user information, and the context of Dial. It is asked again for each redirect.
	//
	// The proxy's URL has the scheme http or https (RFC 9110 CONNECT, for ws too), or socks5 or socks5h (RFC 1928; either
	// way the proxy looks up the server's name). User information in it becomes the credentials for the proxy: Basic
	// Proxy-Authorization or, with SOCKS, RFC 1929. Nothing else of these options is for the proxy to see. When an
	// HTTP proxy refuses, the error has the status and the header of its answer, and Dial returns no response.
	Proxy func(*http.Request) (*url.URL, error)

	// ProxyTLSConfig is used for TLS with proxies of the scheme https, as TLSConfig is with the server, of which the proxy
	// gets nothing.
	ProxyTLSConfig *tls.Config

	// Jar, if not nil, provides cookies for the request and takes those of the response.
	Jar http.CookieJar

	// HandshakeTimeout bounds everything that Dial does, from the name's look-up to the response. 0 stands for
	// [DefaultHandshakeTimeout]; a negative value leaves it to the context.
	HandshakeTimeout time.Duration

	// MaxRedirects is how many redirects are followed; by default none. They are not followed from wss to ws. To another
	// origin go neither the credentials of the URL nor Header, except for Origin and User-Agent, nor Host, nor the client
	// certificates of TLSConfig.
	MaxRedirects int
}

// Dial opens a connection to a URL with the scheme ws, wss, http or https, without a fragment. User information in the
// URL becomes basic authentication.
//
// All errors are [*HandshakeError]. When the server has answered with something that is not a WebSocket, the response is
// returned together with the error, with as much of its body as has arrived in time, up to 64 KiB. The body of a
// response never needs to be closed; with wss its TLS is set. ctx bounds the handshake only, as
// DialOptions.HandshakeTimeout does; it does not end the connection.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, *http.Response, error) {
	if o == nil {
		o = &DialOptions{}
	}
	u, err := handshake.ParseURL(rawURL)
	if err != nil {
		return nil, nil, err
	}
	if timeout := handshakeTimeout(o.HandshakeTimeout); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	d := dialer{DialOptions: *o}
	for {
		c, resp, err := d.dial(ctx, u)
		if err == nil || resp == nil || !isRedirect(resp) || d.MaxRedirects <= 0 {
			return c, resp, err
		}
		d.MaxRedirects--
		if u, err = d.redirect(u, resp); err != nil {
			return nil, resp, err
		}
	}
}

// dialer is the state of one call of [Dial]: options that become fewer with redirects to other origins.
type dialer struct{ DialOptions }

// dial makes one request.
func (d *dialer) dial(ctx context.Context, u *url.URL) (*Conn, *http.Response, error) {
	o := handshake.ClientOptions{
		Subprotocols: d.Subprotocols,
		Header:       d.withCookies(u),
		Host:         d.Host,
		Deflate:      d.Deflate,
	}
	req, err := o.NewRequest(u)
	if err != nil {
		return nil, nil, err
	}
	nc, err := d.connect(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	settled := false
	defer func() {
		if !settled { // also if a hook of the caller panics
			nc.Close()
		}
	}()
	release := interruptible(ctx, nc)
	c, resp, err := d.exchange(nc, req, &http.Request{Method: http.MethodGet, URL: u, Header: o.Header})
	if cut := release(); cut != nil && resp == nil {
		err = failed("the server did not answer in time", cut)
	} else if cut != nil && err == nil {
		err = failed("the handshake was given up", cut)
	}
	if err != nil {
		if c != nil {
			c.CloseNow()
		}
		return nil, resp, err
	}
	settled = true
	return c, resp, nil
}

// connect returns a connection to the URL's server on which HTTP/1.1 may be spoken at once, whatever lies between. All
// errors are [*HandshakeError].
func (d *dialer) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	nc, err := d.reach(ctx, u)
	if err != nil || u.Scheme == "ws" {
		return nc, err
	}
	nc, err = startTLS(ctx, nc, d.TLSConfig, u.Hostname())
	if err != nil {
		return nil, failed("no TLS with "+handshake.Address(u), cause(ctx, err))
	}
	return nc, nil
}

// exchange sends the request and makes a connection of the response, if it is one. It leaves nc open.
func (d *dialer) exchange(nc net.Conn, req *handshake.Request, sent *http.Request) (*Conn, *http.Response, error) {
	if _, err := nc.Write(req.AppendRequest(nil)); err != nil {
		return nil, nil, failed("the request could not be sent", err)
	}
	limited := &io.LimitedReader{R: nc, N: maxResponseHeader}
	br := bufio.NewReader(limited)
	resp, err := readResponse(br, sent)
	if err != nil {
		if limited.N <= 0 {
			return nil, nil, &handshake.Error{Reason: "the header of the response is longer than 64 KiB", Err: err}
		}
		return nil, nil, failed("the response could not be read", err)
	}
	if t, ok := nc.(*tls.Conn); ok && sent.URL.Scheme == "wss" { // and not that of a proxy
		state := t.ConnectionState()
		resp.TLS = &state
	}
	if d.Jar != nil {
		d.Jar.SetCookies(httpURL(sent.URL), resp.Cookies())
	}
	agreed, err := req.Verify(resp)
	if err != nil {
		limited.N = 2 * maxResponseBody // a body may be chunked
		resp.Body = capped(resp.Body)
		return nil, resp, err
	}
	resp.Body = http.NoBody
	cfg := configure(d.Config, &agreed, d.Deflate, buffered(br))
	return conn.Client(nc, &cfg), resp, nil
}

// readResponse reads the final response: 101 or one that is not informational.
func readResponse(br *bufio.Reader, sent *http.Request) (*http.Response, error) {
	for range maxResponses {
		resp, err := http.ReadResponse(br, sent)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
	return nil, errors.New("too many informational responses")
}

// capped reads what there is of the body of a refusal, so that it can be looked at when the connection is gone.
func capped(body io.ReadCloser) io.ReadCloser {
	b, _ := io.ReadAll(io.LimitReader(body, maxResponseBody)) // a body that breaks off is better than none
	return io.NopCloser(bytes.NewReader(b))
}

// withCookies adds the jar's cookies to the caller's header, in the one Cookie field that there may be (RFC 6265 §5.4).
func (d *dialer) withCookies(u *url.URL) http.Header {
	if d.Jar == nil {
		return d.Header
	}
	r := http.Request{Header: d.Header.Clone()}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if own := r.Header["Cookie"]; len(own) > 1 { // of which AddCookie would keep the first only
		r.Header["Cookie"] = []string{strings.Join(own, "; ")}
	}
	for _, cookie := range d.Jar.Cookies(httpURL(u)) {
		r.AddCookie(cookie)
	}
	return r.Header
}

// httpURL is what a jar understands.
func httpURL(u *url.URL) *url.URL {
	h := *u
	h.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	return &h
}

// cause prefers the context's error, if that is what cut a call, to the network's way of saying it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
