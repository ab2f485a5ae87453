package websocket

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	engine "github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/handshake"
)

// Dialer makes connections to servers. It may be used by any number of goroutines.
type Dialer struct {
	// NetDial makes network connections; nil is net.Dial.
	NetDial func(network, addr string) (net.Conn, error)

	// NetDialContext is used instead of NetDial if it is not nil.
	NetDialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// NetDialTLSContext, if not nil, makes the connections for wss, with TLS.
	NetDialTLSContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Proxy returns the proxy for a request; nil is none.
	Proxy func(*http.Request) (*url.URL, error)

	// TLSClientConfig is for TLS with the server, and with a proxy of the scheme https, which gorilla/websocket v1.5.3 does
	// not know.
	TLSClientConfig *tls.Config

	// HandshakeTimeout bounds everything that Dial does; 0 does not. Connections have it as their deadline until then.
	HandshakeTimeout time.Duration

	// ReadBufferSize has no effect. WriteBufferSize is where a writer of [Conn.NextWriter] cuts a message into frames, in
	// bytes; 0 stands for 4096.
	ReadBufferSize, WriteBufferSize int

	// WriteBufferPool has no effect.
	WriteBufferPool BufferPool

	// Subprotocols are offered to the server, in order of preference.
	Subprotocols []string

	// EnableCompression offers to compress messages (RFC 7692), each by itself.
	EnableCompression bool

	// Jar provides cookies for the request and takes those of the response.
	Jar http.CookieJar

	// CheckUTF8 checks that text messages are UTF-8, as RFC 6455 asks for: the connection fails with code 1007 where they
	// are not. gorilla/websocket does not have it.
	CheckUTF8 bool
}

// DefaultDialer takes proxies from the environment and waits up to 45 seconds.
var DefaultDialer = &Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 45 * time.Second}

// userAgent is that of package http, which writes the requests of gorilla/websocket.
const userAgent = "Go-http-client/1.1"

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

var errURL = errors.New("malformed ws or wss URL")

// Dial is DialContext without a context.
func (d *Dialer) Dial(urlStr string, requestHeader http.Header) (*Conn, *http.Response, error) {
	return d.DialContext(context.Background(), urlStr, requestHeader)
}

// DialContext opens a connection to a URL with the scheme ws or wss. requestHeader goes into the request. If the server answers
// with something else than a connection, the error is [ErrBadHandshake], and the response has what has come of its body, which
// need not be closed. ctx bounds the connecting only.
func (d *Dialer) DialContext(ctx context.Context, urlStr string, requestHeader http.Header) (*Conn, *http.Response, error) {
	if d == nil {
		d = DefaultDialer
	}
	u, err := url.Parse(urlStr)
	if err != nil {
		return nil, nil, err
	}
	if u.Scheme != "ws" && u.Scheme != "wss" || u.User != nil {
		return nil, nil, errURL
	}
	u.Fragment, u.RawFragment = "", ""
	o, err := d.options(requestHeader)
	if err != nil {
		return nil, nil, err
	}
	if d.HandshakeTimeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.HandshakeTimeout)
		defer cancel()
	}
	if o.Proxy, err = d.proxy(ctx, u, o); err != nil {
		return nil, nil, err
	}
	return d.connect(ctx, u, o)
}

// connect is DialContext for options that are ready but for the Config.
func (d *Dialer) connect(ctx context.Context, u *url.URL, o *engine.DialOptions) (*Conn, *http.Response, error) {
	c := &Conn{}
	o.Config = c.config(d.WriteBufferSize, d.CheckUTF8)
	by, _ := ctx.Deadline()
	var n network
	if via, _ := o.Proxy(nil); via != nil {
		n.proxy = via.Host
	}
	if err := n.replaceHost(u, o); err != nil {
		return nil, nil, err
	}
	if d.NetDial != nil || d.NetDialContext != nil || d.NetDialTLSContext != nil {
		n.keepAddress(u)
	}
	if o.Host == "" && !strings.ContainsFunc(u.Host, beyondHost) {
		o.Host = u.Host // as it is, with the port that is the scheme's, too
	}
	o.NetDial, o.NetDialTLS = n.noting(o.NetDial, by), n.noting(o.NetDialTLS, by)
	made, resp, err := engine.Dial(ctx, u.String(), o)
	n.asHTTP(resp)
	if err != nil {
		return nil, resp, n.dialError(resp, err)
	}
	c.c = made
	c.readBy.init(c.c.NetConn())
	c.c.NetConn().SetDeadline(time.Time{}) // also one that the program's dialer has set
	return c, resp, nil
}

// beyondHost reports whether a character cannot be in the field Host as it is in a URL: the zone of an address, or a letter that is not
// ASCII.
func beyondHost(r rune) bool { return r == '%' || r > '~' }

// schemes are those of HTTP for those of WebSocket.
var schemes = map[string]string{"ws": "http", "wss": "https"}

// asHTTP makes the request of a response one of HTTP, so that a Location that is relative to it is, too, and to the host that the
// program has named.
func (n *network) asHTTP(resp *http.Response) {
	if resp == nil || resp.Request == nil || resp.Request.URL == nil {
		return
	}
	if scheme := schemes[resp.Request.URL.Scheme]; scheme != "" {
		r, u := *resp.Request, *resp.Request.URL
		u.Scheme, u.Host = scheme, cmp.Or(n.host, u.Host)
		r.URL, resp.Request = &u, &r
	}
}

// network is what has come of making the network connection. Where that fails, programs want the error as it was, and not
// that of a context, even if this has ended.
type network struct {
	nc  net.Conn
	err error

	host             string // that the program has named, if localhost stands for it, or ""
	instead, address string // address is dialed instead of instead, if that is not ""
	proxy            string // where the proxy is, or ""
}

// noting returns dial with a note of what comes of it. Its connections have a deadline already, if there is one, which programs
// with connections of their own look for.
func (n *network) noting(dial dialFunc, by time.Time) dialFunc {
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == n.instead {
			addr = n.address
		}
		nc, err := dial(ctx, network, addr)
		if err == nil && !by.IsZero() {
			if err = nc.SetDeadline(by); err != nil {
				nc.Close()
			}
		}
		n.nc, n.err = nc, err
		if err != nil {
			return nil, err
		}
		return nc, nil
	}
}

// dialError says in this package's words why there is no connection.
func (n *network) dialError(resp *http.Response, err error) error {
	var failed *handshake.Error
	switch {
	case resp != nil:
		return ErrBadHandshake
	case n.err != nil:
		return n.err
	case n.nc != nil && errors.Is(err, context.DeadlineExceeded): // the deadline of the connection, as programs see it
		return &net.OpError{
			Op: "read", Net: "tcp", Source: n.nc.LocalAddr(), Addr: n.nc.RemoteAddr(), Err: os.ErrDeadlineExceeded,
		}
	case errors.As(err, &failed) && failed.Err != nil:
		return n.socksError(failed.Err)
	case errors.As(err, &failed) && failed.Status != 0: // a proxy's
		return errors.New(cmp.Or(http.StatusText(failed.Status), strconv.Itoa(failed.Status)))
	}
	return err
}

// socksError says in this package's words why a SOCKS5 proxy does not connect, if that is what err says. Where the talk with it
// broke off, the engine has written down in front.
func (n *network) socksError(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "socks connect" {
		return err
	}
	what := op.Err.Error()
	reply, refused := strings.CutPrefix(what, "unknown error ")
	broken, _, _ := strings.Cut(err.Error(), ": ")
	switch at := "SOCKS5 proxy at " + n.proxy; {
	case errors.Is(op.Err, os.ErrDeadlineExceeded): // as where the context is the first to end
		return op.Err
	case strings.HasPrefix(broken, "failed to read "):
		return fmt.Errorf("proxy: %s from %s: %w", broken, at, op.Err)
	case strings.HasPrefix(broken, "failed to write "):
		return fmt.Errorf("proxy: %s to %s: %w", broken, at, op.Err)
	case refused:
		return fmt.Errorf("proxy: %s failed to connect: %s", at, cmp.Or(socksReplies[reply], "unknown error"))
	case strings.HasPrefix(what, "unknown address type"):
		return fmt.Errorf("proxy: got %s from %s", what, at)
	case strings.HasPrefix(what, "unexpected protocol version"):
		return fmt.Errorf("proxy: %s has %s", at, strings.Replace(what, "protocol ", "", 1))
	case what == "no acceptable authentication methods":
		return fmt.Errorf("proxy: %s requires authentication", at)
	case what == "username/password authentication failed":
		return fmt.Errorf("proxy: %s rejected username/password", at)
	}
	return err
}

// socksReplies are the answers of SOCKS5 proxies (RFC 1928, section 6), as package x/net/proxy calls them and as programs know them.
var socksReplies = map[string]string{
	"general SOCKS server failure":      "general failure",
	"connection not allowed by ruleset": "connection forbidden",
	"network unreachable":               "network unreachable",
	"host unreachable":                  "host unreachable",
	"connection refused":                "connection refused",
	"TTL expired":                       "TTL expired",
	"command not supported":             "command not supported",
	"address type not supported":        "address type not supported",
}

// proxySchemes are those of the proxies that the engine knows. It says in other words that it knows no more.
var proxySchemes = map[string]bool{"http": true, "https": true, "socks5": true, "socks5h": true}

// proxy asks for the proxy. What the program's function changes in the header of the request is sent, as it is with gorilla.
func (d *Dialer) proxy(ctx context.Context, u *url.URL, o *engine.DialOptions) (func(*http.Request) (*url.URL, error), error) {
	if d.Proxy == nil {
		return http.ProxyURL(nil), nil
	}
	at := *u
	at.Scheme = schemes[u.Scheme]
	r := &http.Request{
		Method: http.MethodGet, URL: &at, Host: cmp.Or(o.Host, u.Host), Header: o.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	via, err := d.Proxy(r.WithContext(ctx))
	if err == nil && via != nil && !proxySchemes[via.Scheme] {
		err = errors.New("proxy: unknown scheme: " + via.Scheme)
	}
	return http.ProxyURL(withCredentials(via)), err
}

// withCredentials leaves out a name without a password, which gorilla/websocket does not tell an HTTP proxy.
func withCredentials(via *url.URL) *url.URL {
	if via == nil || via.User == nil || strings.HasPrefix(via.Scheme, "socks5") {
		return via
	}
	if _, ok := via.User.Password(); ok {
		return via
	}
	without := *via
	without.User = nil
	return &without
}

// options are the engine's.
func (d *Dialer) options(requestHeader http.Header) (*engine.DialOptions, error) {
	o := &engine.DialOptions{
		Deflate:          compression(d.EnableCompression),
		HandshakeTimeout: -1, // the context has it
		Subprotocols:     d.Subprotocols,
		Header:           http.Header{"User-Agent": {userAgent}},
		Lenient:          true,
		TLSConfig:        d.TLSClientConfig,
		ProxyTLSConfig:   d.TLSClientConfig,
		ProxyHeader:      http.Header{"User-Agent": {userAgent}},
		NetDial:          d.NetDialContext,
		NetDialTLS:       d.NetDialTLSContext,
		Jar:              d.Jar,
	}
	switch {
	case o.NetDial != nil:
	case d.NetDial != nil:
		o.NetDial = func(_ context.Context, network, addr string) (net.Conn, error) { return d.NetDial(network, addr) }
	default:
		o.NetDial = new(net.Dialer).DialContext
	}
	o.Subprotocols = distinct(o.Subprotocols)
	if _, given := requestHeader["Cookie"]; given && d.Jar != nil {
		o.Jar = storing{d.Jar}
	}
	return o, d.addHeader(o, requestHeader)
}

// addHeader adds the program's header to the request, as package http writes one: without names that are none, without those that
// describe a body, and values on one line. A name in another spelling than that of package http is no error, and may replace the
// subprotocols, for that is how programs spell "Sec-WebSocket-Protocol".
func (d *Dialer) addHeader(o *engine.DialOptions, requestHeader http.Header) error {
	for name, values := range requestHeader {
		switch {
		case name == "Host":
			if len(values) > 0 {
				o.Host = values[0]
			}
		case taken[name] && (name != protocolField || len(d.Subprotocols) > 0):
			return errors.New("websocket: duplicate header not allowed: " + name)
		case http.CanonicalHeaderKey(name) == protocolField:
			var all []string
			for _, v := range values {
				all = append(all, elements(v)...)
			}
			o.Subprotocols = distinct(all)
		case handshake.Reserved(name) || name == "" || strings.ContainsFunc(name, noToken):
		default:
			sent := make([]string, len(values))
			for i, v := range values {
				sent[i] = textproto.TrimString(clean(v))
			}
			o.Header[name] = sent
		}
	}
	return nil
}

// noToken reports whether a character may not be in the name of a header field (RFC 9110, section 5.6.2).
func noToken(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

const protocolField = "Sec-Websocket-Protocol"

// taken are the fields that a Dialer writes itself.
var taken = map[string]bool{
	"Upgrade": true, "Connection": true, "Sec-Websocket-Key": true, "Sec-Websocket-Version": true,
	"Sec-Websocket-Extensions": true, protocolField: true,
}

// NewClient makes a connection to the server at the other end of netConn.
//
// Deprecated: Use a Dialer with NetDial.
func NewClient(netConn net.Conn, u *url.URL, requestHeader http.Header, readBufSize, writeBufSize int) (c *Conn, response *http.Response, err error) {
	d := Dialer{
		ReadBufferSize:  readBufSize,
		WriteBufferSize: writeBufSize,
		NetDial:         func(string, string) (net.Conn, error) { return netConn, nil },
	}
	return d.Dial(u.String(), requestHeader)
}
