package websocket

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/observed"
)

// DialOptions configures [Dial]. The zero value, and nil, connect without cookies, subprotocols or redirects. Dial does not
// change the options, so that any number of calls may share them.
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

	// Header is sent with the request: Origin, Authorization, User-Agent and the like. Fields that belong to the handshake
	// may not be in it. Without a User-Agent in it, [handshake.DefaultUserAgent] is sent; an empty one sends none.
	Header http.Header

	// Host is sent instead of the URL's host if it is not empty.
	Host string

	// Lenient allows what some servers do against §4.1: subprotocols that are not tokens, such as
	// "SPDY/3.1+portforward.k8s.io", as long as they are visible ASCII characters without a comma; and a response whose
	// Upgrade is a list with websocket in it.
	Lenient bool

	// TLSConfig is used for wss. It is copied; a ServerName is taken from the URL if it has none, and the protocol that is
	// negotiated by ALPN is always HTTP/1.1, unless HTTP2 is set. nil is the default configuration.
	TLSConfig *tls.Config

	// NetDial, if not nil, makes the network connections instead of a [net.Dialer]. network is "tcp" and address the host
	// and port of the URL or, if there is one, of the proxy.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// NetDialTLS, if not nil, makes the connections for wss, redirects to https included, with TLS of its own: keys in
	// hardware, another implementation. It is called in place of NetDial and TLSConfig, with "tcp" and the host and port of
	// the URL. If the connection has a method HandshakeContext(context.Context) error, as a [tls.Conn] does, that is called;
	// if it has a method ConnectionState() tls.ConnectionState, the TLS of the response is set. ALPN may negotiate http/1.1
	// only, and h2 if HTTP2 is set. Through a proxy it is not used: TLS with the server is then that of TLSConfig.
	NetDialTLS func(ctx context.Context, network, address string) (net.Conn, error)

	// Proxy returns the URL of the proxy for a request, or nil for none, as http.Transport.Proxy does. nil stands for
	// [http.ProxyFromEnvironment], that is HTTP_PROXY for ws, HTTPS_PROXY for wss, and NO_PROXY for exceptions, of which
	// localhost is always one; http.ProxyURL(nil) turns proxies off. The request has the URL, with the scheme http or https
	// and without user information, a copy of Header with the cookies of Jar, and the context of Dial. The function is
	// called again for each redirect.
	//
	// The proxy's URL has the scheme http or https (RFC 9110 CONNECT, for ws too), or socks5 or socks5h (RFC 1928; either
	// way the proxy looks up the server's name). User information in it becomes the credentials for the proxy: Basic
	// Proxy-Authorization or, with SOCKS, RFC 1929. Besides the host and port of the URL and ProxyHeader, nothing of these
	// options is sent to the proxy. When an HTTP proxy refuses, the error has the status and the header of its answer, and
	// Dial returns no response.
	Proxy func(*http.Request) (*url.URL, error)

	// ProxyHeader is sent with CONNECT to a proxy of the scheme http or https. Its Proxy-Authorization replaces the
	// credentials of the proxy's URL. Host and fields about the connection or a body may not be in it.
	ProxyHeader http.Header

	// ProxyConnectHeader, if not nil, returns more fields of the same kind, which replace those of ProxyHeader with the same
	// name. It gets the proxy's URL and the host and port to connect to.
	//
	// It is called before the first CONNECT with a nil challenge, and again each time that the proxy answers with 407 (Proxy
	// Authentication Required), with that response: its Proxy-Authenticate says what to answer; its body is in memory, up to
	// 64 KiB. CONNECT is then sent again, on the same connection unless the proxy closes it, as schemes need that
	// authenticate a connection. A nil header without an error gives up, and so do more than 5 requests for CONNECT: then
	// Dial fails with the 407.
	ProxyConnectHeader func(ctx context.Context, proxy *url.URL, target string, challenge *http.Response) (http.Header, error)

	// ProxyTLSConfig is used for TLS with proxies of the scheme https, as TLSConfig is with the server, of which the proxy
	// gets nothing.
	ProxyTLSConfig *tls.Config

	// Jar, if not nil, provides cookies for the request and takes those of the response.
	Jar http.CookieJar

	// HandshakeTimeout bounds everything that Dial does, from the name's look-up to the response. 0 stands for
	// [DefaultHandshakeTimeout]; a negative value leaves it to the context.
	HandshakeTimeout time.Duration

	// HTTP2, if not nil, dials wss URLs with HTTP/2 (RFC 8441) if the server has it, so that any number of WebSockets share
	// a connection: those of all Dials with the same pool. Servers without it get HTTP/1.1, on a connection for each
	// WebSocket: that NetDialTLS has to make without h2. Which it was is the response's ProtoMajor. Redirects to another
	// origin are followed with HTTP/1.1.
	HTTP2 *HTTP2Pool

	// MaxRedirects is how many redirects are followed; by default none. They are not followed from wss to ws. To another
	// origin go neither the credentials of the URL nor Header, except for Origin and User-Agent, nor Host, nor the client
	// certificates of TLSConfig; what NetDialTLS presents is its own decision. The body of a response that is followed is
	// not waited for.
	MaxRedirects int
}

// Dial opens a connection to a URL with the scheme ws, wss, http or https, without a fragment. User information in the
// URL becomes basic authentication.
//
// All errors are [*HandshakeError]. When the server has answered with something that is not a WebSocket, the response is
// returned together with the error, with as much of its body as has arrived in time, up to 64 KiB. The body of a
// response never needs to be closed; with wss its TLS is set. ctx bounds the handshake only, as
// DialOptions.HandshakeTimeout does; it does not end the connection. The hooks of an [httptrace.ClientTrace] in ctx are called
// as net/http would call them, but for WroteHeaderField, Wait100Continue, Got100Continue and PutIdleConn.
//
// In a browser (GOOS=js) Dial opens a WebSocket of the browser's. Options that no browser has a place for are refused, with a
// [*BrowserError] in the error's tree: all but Subprotocols, HandshakeTimeout and Config, and of that PingInterval, OnPing and
// OnPong. The response has what the browser tells: the fields Sec-WebSocket-Protocol and Sec-WebSocket-Extensions. There is none
// when the connection fails, and no reason either.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, *http.Response, error) {
	return dialTo(ctx, rawURL, o, blocking)
}

// dialTo is Dial for a connection that open makes.
func dialTo(ctx context.Context, rawURL string, o *DialOptions, open opener) (*Conn, *http.Response, error) {
	d, u, err := newDialer(rawURL, o)
	d.open = open
	if err == nil {
		err = d.possible(u)
	}
	ctx, header, told := observed.Dial(ctx, d.Config.Observer, u, d.Header)
	d.Header = header
	c, resp, err := d.dialAll(ctx, u, err)
	told(c, resp, err)
	return c, resp, err
}

// dialAll opens the connection, unless err is set: what was wrong from the start.
func (d *dialer) dialAll(ctx context.Context, u *url.URL, err error) (*Conn, *http.Response, error) {
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	return d.request(ctx, u)
}

// dialer is the state of one call of [Dial]: options that become fewer with redirects to other origins.
type dialer struct {
	DialOptions
	open opener
}

// newDialer checks the URL and the options that the request has no part in.
func newDialer(rawURL string, o *DialOptions) (*dialer, *url.URL, error) {
	d := &dialer{}
	if o != nil {
		d.DialOptions = *o
	}
	u, err := handshake.ParseURL(rawURL)
	if err == nil {
		err = checkProxyHeader(d.ProxyHeader)
	}
	return d, u, err
}

// bounded returns a context that ends with HandshakeTimeout, too.
func (d *dialer) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if timeout := handshakeTimeout(d.HandshakeTimeout); timeout > 0 {
		return context.WithTimeout(ctx, timeout)
	}
	return ctx, func() {}
}

// dial makes one request.
func (d *dialer) dial(ctx context.Context, u *url.URL) (*Conn, *http.Response, error) {
	o := handshake.ClientOptions{
		Subprotocols: d.Subprotocols,
		Header:       d.withCookies(u),
		Host:         d.Host,
		Deflate:      d.Deflate,
		Lenient:      d.Lenient,
	}
	req, err := o.NewRequest(u)
	switch {
	case err != nil:
		return nil, nil, err
	case d.HTTP2.takes(u):
		return d.dialHTTP2(ctx, u, &o, req)
	}
	nc, err := d.connect(ctx, u, o.Header)
	if err != nil {
		return nil, nil, err
	}
	return d.upgrade(ctx, nc, u, req, o.Header)
}

// upgrade makes a request of HTTP/1.1 on nc, which it owns.
func (d *dialer) upgrade(ctx context.Context, nc net.Conn, u *url.URL, req *handshake.Request, header http.Header) (*Conn, *http.Response, error) {
	settled := false
	defer func() {
		if !settled { // also if a hook of the caller panics
			interrupt.CloseGently(nc)
		}
	}()
	release := interrupt.Watch(ctx, nc)
	defer release() // likewise
	sent := &http.Request{Method: http.MethodGet, URL: u, Header: header}
	n, resp, err := d.exchange(nc, req, sent, httptrace.ContextClientTrace(ctx))
	if cut := release(); cut != nil && resp == nil {
		err = failed("the server did not answer in time", cut)
	} else if cut != nil && err == nil {
		err = failed("the handshake was given up", cut)
	}
	if err != nil {
		return nil, resp, err
	}
	settled = true
	c, err := d.made(d.open.open(nc, frame.Client, n, &d.Config))
	return c, resp, err
}

// made is the end of a handshake that has made a connection, unless err says why not.
func (d *dialer) made(c *Conn, err error) (*Conn, error) {
	if err != nil {
		return nil, failed("the connection could not be made", err)
	}
	return c, nil
}

// exchange sends the request and returns what the response has settled, if it accepts. It leaves nc open.
func (d *dialer) exchange(nc net.Conn, req *handshake.Request, sent *http.Request, trace *httptrace.ClientTrace) (*conn.Negotiated, *http.Response, error) {
	_, err := nc.Write(req.AppendRequest(nil))
	wroteRequest(trace, err)
	if err != nil {
		return nil, nil, failed("the request could not be sent", err)
	}
	rr := newResponseReader(nc)
	resp, err := rr.next(sent, trace)
	if err != nil {
		return nil, nil, failed("the response could not be read", err)
	}
	if state, ok := stateOfTLS(nc); ok && sent.URL.Scheme == "wss" { // and not that of a proxy
		resp.TLS = &state
	}
	if d.Jar != nil {
		d.Jar.SetCookies(httpURL(sent.URL), resp.Cookies())
	}
	agreed, err := req.Verify(resp)
	switch {
	case err != nil && d.follows(resp):
		rr.keepArrived(resp)
		return nil, resp, err
	case err != nil:
		keepBody(resp)
		return nil, resp, err
	}
	resp.Body = http.NoBody
	return negotiated(&agreed, d.Deflate, rr.rest()), resp, nil
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
