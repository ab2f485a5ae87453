package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/observed"
)

// Dialer opens WebSockets over HTTP/3. Those to the same host and port share a QUIC connection, which lives until
// Close. The zero value is ready for use, and must not be copied. Its methods may be called from any goroutine.
type Dialer struct {
	// TLSConfig is copied; a ServerName is taken from the URL if it has none, and what ALPN negotiates is always h3.
	// nil is the default configuration.
	TLSConfig *tls.Config

	// QUICConfig, if not nil, configures the QUIC connections. Without it, they are kept alive with a packet every 15 s.
	QUICConfig *quic.Config

	mu     sync.Mutex
	conns  map[string]*connection // by host and port
	closed bool
}

// keepAlivePeriod is half of the idle timeout that quic-go has by default.
const keepAlivePeriod = 15 * time.Second

// connection is a QUIC connection, or one that is being made.
type connection struct {
	ready chan struct{} // closed when the rest is set
	quic  *quic.Conn
	http  *h3.ClientConn
	err   error // a *websocket.HandshakeError if the connection could not be made
}

// Dial opens a WebSocket to a URL with the scheme wss or https, without a fragment. User information in the URL becomes
// basic authentication. Of the options, which may be nil, those about the network do not count: TLSConfig, NetDial,
// NetDialTLS, Proxy and all that belongs to it, HTTP2; nor does MaxRedirects: redirects are not followed.
//
// All errors are [*websocket.HandshakeError]. When the server has answered with something that is not a WebSocket, the
// response is returned together with the error, with as much of its body as has arrived in time, up to 64 KiB. The body of
// a response never needs to be closed. ctx bounds the handshake only, as DialOptions.HandshakeTimeout does. If the server
// takes no more streams, Dial waits for one to end.
func (d *Dialer) Dial(ctx context.Context, rawURL string, o *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	var own websocket.DialOptions
	if o != nil {
		own = *o
	}
	u, err := handshake.ParseURL(rawURL)
	ctx, header, told := observed.Dial(ctx, own.Config.Observer, u, own.Header)
	own.Header = header
	c, resp, err := d.dial(ctx, u, &own, err)
	told(c, resp, err)
	return c, resp, err
}

// dial is Dial for a URL that was parsed, with this error.
func (d *Dialer) dial(ctx context.Context, u *url.URL, o *websocket.DialOptions, err error) (*websocket.Conn, *http.Response, error) {
	if err != nil {
		return nil, nil, err
	}
	h, err := newOpening(u, o)
	if err != nil {
		return nil, nil, err
	}
	timeout := o.HandshakeTimeout
	if timeout == 0 {
		timeout = websocket.DefaultHandshakeTimeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for {
		c, reused, err := d.connect(ctx, handshake.Address(h.url), h.url.Hostname())
		if err != nil {
			return nil, nil, err
		}
		ws, resp, err := h.open(ctx, c)
		if err == nil || resp != nil || ctx.Err() != nil || !reused || !d.gone(c, err) {
			return ws, resp, err
		}
		// The connection has ended since it was last used: this is for another one.
	}
}

// Close closes the QUIC connections, and with them the WebSockets that they carry, without a closing handshake. Dial
// fails from now on. Close may be called more than once.
func (d *Dialer) Close() error {
	d.mu.Lock()
	d.closed = true
	conns := d.conns
	d.conns = nil
	d.mu.Unlock()
	for _, c := range conns {
		select {
		case <-c.ready:
			c.close()
		default: // who makes it closes it
		}
	}
	return nil
}

func (c *connection) close() {
	if c.http != nil {
		c.http.CloseWithError(quic.ApplicationErrorCode(h3.ErrCodeNoError), "")
	}
}

// connect returns a connection to a server, which is made if there is none.
func (d *Dialer) connect(ctx context.Context, address, host string) (c *connection, reused bool, err error) {
	for {
		c, mine, err := d.lookUp(address)
		if err != nil {
			return nil, false, err
		}
		if mine {
			c.dial(ctx, d, address, host)
			d.settle(address, c)
			return c, false, c.err
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, false, failed("cannot connect to "+address, ctx.Err())
		}
		if c.err == nil {
			return c, true, nil
		}
		// Who made it has failed, perhaps for want of time.
	}
}

// lookUp returns the connection to a server that there is, or a new one for the caller to make.
func (d *Dialer) lookUp(address string) (c *connection, mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, false, failed("the Dialer is closed", net.ErrClosed)
	}
	if c := d.conns[address]; c != nil {
		return c, false, nil
	}
	c = &connection{ready: make(chan struct{})}
	if d.conns == nil {
		d.conns = map[string]*connection{}
	}
	d.conns[address] = c
	return c, true, nil
}

// settle ends the making of a connection.
func (d *Dialer) settle(address string, c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.err != nil && d.conns[address] == c {
		delete(d.conns, address)
	}
	if d.closed {
		c.close()
	}
	close(c.ready)
}

// gone reports whether the connection takes no more streams, of which err tells, and forgets it then.
func (d *Dialer) gone(c *connection, err error) bool {
	if c.quic.Context().Err() == nil && !errors.Is(err, errNoStream) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for address, known := range d.conns {
		if known == c {
			delete(d.conns, address)
		}
	}
	return true
}

// dial makes the connection.
func (c *connection) dial(ctx context.Context, d *Dialer, address, host string) {
	cfg := d.TLSConfig.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = strings.Cut(host, "%") // a zone is not in a certificate
	}
	cfg.NextProtos = []string{h3.NextProtoH3}
	settings := d.QUICConfig
	if settings == nil {
		settings = &quic.Config{KeepAlivePeriod: keepAlivePeriod}
	}
	q, err := quic.DialAddr(ctx, address, cfg, settings)
	if err != nil {
		c.err = failed("cannot connect to "+address, cause(ctx, err))
		return
	}
	c.quic = q
	c.http = (&h3.Transport{DisableCompression: true, MaxResponseHeaderBytes: maxResponseHeader}).NewClientConn(q)
	select {
	case <-c.http.ReceivedSettings():
		if !c.http.Settings().EnableExtendedConnect {
			c.err = &handshake.Error{Reason: "the server has no extended CONNECT"}
		}
	case <-q.Context().Done():
		c.err = failed("the connection broke", context.Cause(q.Context()))
	case <-ctx.Done():
		c.err = failed("the server did not answer in time", ctx.Err())
	}
	if c.err != nil {
		c.close()
	}
}

// failed is a handshake that ended without a response.
func failed(reason string, err error) error { return &handshake.Error{Reason: reason, Err: err} }

// cause prefers the context's error, if that is what cut a call, to the network's way of saying it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
