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

// DialOptions configures [Dial]. With the zero value or nil, Dial uses no cookies, offers no subprotocols and follows no
// redirects. Dial does not modify the options, so any number of calls may share them.
type DialOptions struct {
	// Config has the limits and settings of the connection.
	Config Config

	// Deflate, if not nil, offers to compress messages (RFC 7692). &DeflateOptions{} suits most programs;
	// [github.com/seed60239977/websocket/deflate.Options] says what it costs in memory.
	Deflate *DeflateOptions

	// Subprotocols are offered to the server, in order of preference. They are tokens without duplicates. Conn.Subprotocol returns
	// the one that the server chose.
	Subprotocols []string

	// Header is added to the request: Origin, Authorization, User-Agent and the like. It must not have fields of the handshake
	// itself. If it has no User-Agent, [handshake.DefaultUserAgent] is sent; if it has an empty one, none is sent.
	Header http.Header

	// Host, if not empty, is sent in place of the URL's host.
	Host string

	// Lenient allows what some servers do in violation of §4.1: subprotocols that are not tokens, such as
	// "SPDY/3.1+portforward.k8s.io", as long as a field can hold them and they have no comma; responses whose Upgrade field
	// is a list that contains websocket; and responses that name a subprotocol that was not offered, or several, which
	// [Conn.Subprotocol] returns as they stand.
	Lenient bool

	// TLSConfig is used for wss. nil stands for the default configuration. Dial works on a copy, in which an empty ServerName is
	// set to the URL's host, and ALPN offers only HTTP/1.1 unless HTTP2 is set.
	TLSConfig *tls.Config

	// NetDial, if not nil, makes the network connections, in place of a [net.Dialer]. network is "tcp", and address is the host
	// and port of the proxy if there is one, and otherwise those of the URL.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// NetDialTLS, if not nil, makes the connections for wss, including those for redirects to https, with TLS of your own: keys in
	// hardware, or another implementation. It is used in place of NetDial and TLSConfig, and called with "tcp" and the host and
	// port of the URL. If the connection has a method HandshakeContext(context.Context) error, as a [tls.Conn] does, Dial calls
	// it; if it has a method ConnectionState() tls.ConnectionState, Dial sets the TLS of the response. ALPN must not negotiate
	// anything but http/1.1, or h2 if HTTP2 is set. NetDialTLS is not used behind a proxy, where TLS with the server is that of
	// TLSConfig.
	NetDialTLS func(ctx context.Context, network, address string) (net.Conn, error)

	// Proxy returns the URL of the proxy for a request, or nil for none, as http.Transport.Proxy does. nil stands for
	// [http.ProxyFromEnvironment], which uses HTTP_PROXY for ws, HTTPS_PROXY for wss, and NO_PROXY for exceptions, and never a
	// proxy for localhost. http.ProxyURL(nil) turns proxies off. The request has the URL, with the scheme http or https and
	// without user information, a copy of Header with the cookies of Jar, and the context of Dial. Proxy is called again for each
	// redirect.
	//
	// The proxy's URL has the scheme http or https (CONNECT of RFC 9110, for ws too), or socks5 or socks5h (RFC 1928; with both,
	// the proxy looks up the server's name). Its user information is sent to the proxy as credentials: Basic Proxy-Authorization
	// or, with SOCKS, RFC 1929. Apart from that, the proxy gets only the host and port of the URL, and ProxyHeader. If an HTTP
	// proxy refuses, the error has the status and header of its answer, and Dial returns no response.
	Proxy func(*http.Request) (*url.URL, error)

	// ProxyHeader is sent with CONNECT to proxies with the scheme http or https. A Proxy-Authorization in it replaces the
	// credentials of the proxy's URL. It must not have Host, nor fields about the connection or a body.
	ProxyHeader http.Header

	// ProxyConnectHeader, if not nil, returns further fields for CONNECT, which replace those of ProxyHeader with the same name.
	// It gets the proxy's URL, and as target the host and port to connect to.
	//
	// It is called with a nil challenge before the first CONNECT, and again each time the proxy answers with 407 (Proxy
	// Authentication Required), with that response as challenge: its Proxy-Authenticate says what to answer, and its body is in
	// memory, up to 64 KiB. CONNECT is then sent again, on the same connection unless the proxy closes it, as needed by schemes
	// that authenticate a connection. Dial gives up, and fails with the 407, if ProxyConnectHeader returns a nil header without an
	// error, or after 5 requests for CONNECT.
	ProxyConnectHeader func(ctx context.Context, proxy *url.URL, target string, challenge *http.Response) (http.Header, error)

	// ProxyTLSConfig is used for TLS with proxies of the scheme https, for which TLSConfig is not used.
	ProxyTLSConfig *tls.Config

	// Jar, if not nil, provides the cookies of the request and stores those of the response.
	Jar http.CookieJar

	// HandshakeTimeout limits the time of the whole of Dial, from looking up the name to receiving the response. 0 stands for
	// [DefaultHandshakeTimeout]; with a negative value only the context is a limit.
	HandshakeTimeout time.Duration

	// HTTP2, if not nil, makes Dial use HTTP/2 (RFC 8441) for wss URLs if the server supports that, so that the WebSockets of all
	// Dials with the same pool share a connection. With other servers it uses HTTP/1.1, on a connection for each WebSocket, which
	// NetDialTLS must then make without h2. The response's ProtoMajor says which was used. Redirects to another origin are
	// followed with HTTP/1.1.
	HTTP2 *HTTP2Pool

	// MaxRedirects is the number of redirects that are followed, by default none. Redirects from wss to ws are not followed.
	// Another origin gets none of the credentials of the URL, Host, the client certificates of TLSConfig, and Header, except for
	// Origin and User-Agent in it; what NetDialTLS presents is its own decision. Dial does not wait for the body of a response
	// that it follows.
	MaxRedirects int
}

// Dial connects to a URL with the scheme ws, wss, http or https, and without a fragment. User information in the URL is sent as
// basic authentication.
//
// All errors are [*HandshakeError]. If the server answers without opening a WebSocket, Dial returns its response together with
// the error, with as much of the body as arrived in time, up to 64 KiB. The body of a response never needs to be closed. With
// wss, the TLS of the response is set. ctx bounds only the handshake, as DialOptions.HandshakeTimeout does; it does not end the
// connection. The hooks of an [httptrace.ClientTrace] in ctx are called as in net/http, except for WroteHeaderField,
// Wait100Continue, Got100Continue and PutIdleConn.
//
// In a browser (GOOS=js), Dial opens one of the browser's WebSockets. Options that browsers do not support are refused, with a
// [*BrowserError] in the error's tree: all but Subprotocols, HandshakeTimeout and Config, and in Config PingInterval, OnPing
// and OnPong. The response has what the browser discloses: the fields Sec-WebSocket-Protocol and Sec-WebSocket-Extensions. If
// the connection fails, there is no response, and no reason either.
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
	d.told = told
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
	told func(*Conn, *http.Response, error) // tells the Observer, unless that was done
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
	return d.upgrade(ctx, nc, u, req)
}

// upgrade makes a request of HTTP/1.1 on nc, which it owns.
func (d *dialer) upgrade(ctx context.Context, nc net.Conn, u *url.URL, req *handshake.Request) (*Conn, *http.Response, error) {
	settled := false
	defer func() {
		if !settled { // also if a hook of the caller panics
			interrupt.CloseGently(nc)
		}
	}()
	release := interrupt.Watch(ctx, nc)
	defer release() // likewise
	n, resp, err := d.exchange(nc, req, req.HTTPRequest(u), httptrace.ContextClientTrace(ctx))
	if cut := release(); cut != nil && resp == nil {
		err = failed("the server did not answer in time", cut)
	} else if cut != nil && err == nil {
		err = failed("the handshake was given up", cut)
	}
	if err != nil {
		return nil, resp, err
	}
	settled = true
	return d.make(nc, n, resp)
}

// make makes the connection of which resp is the answer.
func (d *dialer) make(nc net.Conn, n *conn.Negotiated, resp *http.Response) (*Conn, *http.Response, error) {
	open := d.open.telling(func(c *Conn) { d.told(c, resp, nil) }) // before its events
	c, err := open.open(nc, frame.Client, n, &d.Config)
	if err != nil {
		return nil, resp, failed("the connection could not be made", err)
	}
	return c, resp, nil
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
