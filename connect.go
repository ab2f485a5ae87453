package websocket

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"

	"github.com/seed60239977/websocket/handshake"
)

// Connect makes the network connection on which [Dial] would send its request: to the URL's host and port, through a proxy if
// one is configured for it, and with TLS for wss. It is for programs that speak another protocol there, or do the handshake
// themselves with package handshake. It uses the options about the network: TLSConfig, NetDial, NetDialTLS, Proxy,
// ProxyTLSConfig, ProxyHeader, ProxyConnectHeader and HandshakeTimeout; Header and Jar matter only as far as Proxy sees them.
//
// The caller owns the connection. Its Read also returns bytes that were read together with a proxy's response. For wss it is
// the [*tls.Conn], unless it comes from NetDialTLS. ctx bounds only the connecting. All errors are [*HandshakeError].
func Connect(ctx context.Context, rawURL string, o *DialOptions) (net.Conn, error) {
	d, u, err := newDialer(rawURL, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	return d.connect(ctx, u, d.withCookies(u))
}

// connect returns a connection to the URL's server on which HTTP/1.1 may be spoken at once, whatever lies between. All
// errors are [*HandshakeError].
func (d *dialer) connect(ctx context.Context, u *url.URL, header http.Header) (net.Conn, error) {
	getConn(httptrace.ContextClientTrace(ctx), handshake.Address(u))
	via, err := d.proxyFor(ctx, u, header)
	if err != nil {
		return nil, err
	}
	return d.connectVia(ctx, u, via, onlyHTTP1)
}

// What ALPN may negotiate (RFC 7301).
var (
	onlyHTTP1  = []string{"http/1.1"}
	http2First = []string{"h2", "http/1.1"}
)

// connectVia returns a connection to the URL's server, through the proxy if via is not nil, for one of the protocols.
func (d *dialer) connectVia(ctx context.Context, u, via *url.URL, protocols []string) (net.Conn, error) {
	trace, target := httptrace.ContextClientTrace(ctx), handshake.Address(u)
	nc, err := d.reach(ctx, u, via, protocols)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "wss" && (via != nil || d.NetDialTLS == nil) {
		if nc, err = startTLS(ctx, nc, d.TLSConfig, u.Hostname(), protocols); err != nil {
			return nil, failed("no TLS with "+target, cause(ctx, err))
		}
	}
	traced := false
	defer func() {
		if !traced { // the hook panics
			nc.Close()
		}
	}()
	gotConn(trace, nc)
	traced = true
	return nc, nil
}

// reach returns a network connection to the host and port of u, through the proxy if via is not nil.
func (d *dialer) reach(ctx context.Context, u, via *url.URL, protocols []string) (net.Conn, error) {
	target := handshake.Address(u)
	switch {
	case via != nil:
		return d.reachThrough(ctx, via, target)
	case u.Scheme == "wss" && d.NetDialTLS != nil:
		return d.reachWithTLS(ctx, target, protocols)
	}
	nc, err := d.network()(ctx, "tcp", target)
	if err != nil {
		return nil, failed("cannot connect to "+target, cause(ctx, err))
	}
	return nc, nil
}

// network is what makes network connections.
func (d *dialer) network() func(ctx context.Context, network, address string) (net.Conn, error) {
	if d.NetDial != nil {
		return d.NetDial
	}
	return dialNetwork
}

// reachWithTLS returns a connection with the caller's own TLS.
func (d *dialer) reachWithTLS(ctx context.Context, target string, protocols []string) (net.Conn, error) {
	nc, err := d.NetDialTLS(ctx, "tcp", target)
	if err != nil {
		return nil, failed("cannot connect to "+target, cause(ctx, err))
	}
	if err := handshakeTLS(ctx, nc); err != nil {
		nc.Close()
		return nil, failed("no TLS with "+target, cause(ctx, err))
	}
	state, ok := stateOfTLS(nc)
	if ok && state.NegotiatedProtocol != "" && !slices.Contains(protocols, state.NegotiatedProtocol) {
		nc.Close()
		return nil, &handshake.Error{Reason: "NetDialTLS has negotiated " + state.NegotiatedProtocol + " by ALPN; only http/1.1 has an upgrade"}
	}
	return nc, nil
}

// startTLS does the client's TLS handshake for one of the protocols. It owns nc: if it fails, nc is closed.
func startTLS(ctx context.Context, nc net.Conn, cfg *tls.Config, host string, protocols []string) (net.Conn, error) {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = strings.Cut(host, "%") // a zone is not in a certificate
	}
	cfg.NextProtos = protocols
	t := tls.Client(nc, cfg)
	if err := handshakeTLS(ctx, t); err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}

// handshakeTLS does the TLS handshake of a connection, if that is something to be done.
func handshakeTLS(ctx context.Context, nc net.Conn) error {
	t, ok := nc.(interface{ HandshakeContext(context.Context) error })
	if !ok {
		return nil
	}
	trace := httptrace.ContextClientTrace(ctx)
	tlsHandshakeStart(trace)
	err := t.HandshakeContext(ctx)
	state, _ := stateOfTLS(nc)
	tlsHandshakeDone(trace, state, err)
	return err
}

// stateOfTLS returns what a connection says about its TLS.
func stateOfTLS(nc net.Conn) (state tls.ConnectionState, ok bool) {
	t, ok := nc.(interface{ ConnectionState() tls.ConnectionState })
	if ok {
		state = t.ConnectionState()
	}
	return state, ok
}
