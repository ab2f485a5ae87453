package websocket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/proxy"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// proxyFor asks the caller which proxy to take. The error is a [*HandshakeError].
func (d *dialer) proxyFor(ctx context.Context, u *url.URL, header http.Header) (*url.URL, error) {
	choose := d.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	asked := httpURL(u)
	asked.User = nil
	r := &http.Request{Method: http.MethodGet, URL: asked, Host: asked.Host, Header: http.Header{}}
	if header != nil {
		r.Header = header.Clone()
	}
	via, err := choose(r.WithContext(ctx))
	if err != nil {
		return nil, failed("cannot tell which proxy leads to "+handshake.Address(u), err)
	}
	return via, nil
}

// proxyPorts are the default ports of the schemes that a proxy's URL may have.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// proxyAddress returns the host and port to dial for the URL of a proxy.
func proxyAddress(via *url.URL) (string, error) {
	port, known := proxyPorts[via.Scheme]
	if !known {
		return "", &handshake.Error{Reason: "the scheme of a proxy's URL must be http, https, socks5 or socks5h"}
	}
	if via.Port() != "" {
		port = via.Port()
	}
	address, err := httpguts.PunycodeHostPort(net.JoinHostPort(via.Hostname(), port))
	if err != nil || via.Hostname() == "" || !httpguts.ValidHostHeader(address) {
		reason := "the URL of the proxy has no valid host"
		if err != nil { // not as a cause: dialing again would not help
			reason += ": " + err.Error()
		}
		return "", &handshake.Error{Reason: reason}
	}
	return address, nil
}

// reachThrough returns a connection to a target through the proxy. §4.1: "If the client is configured to use a proxy when
// using the WebSocket Protocol to connect to host /host/ and port /port/, then the client SHOULD connect to that proxy and
// ask it to open a TCP connection to the host given by /host/ and the port given by /port/." So a proxy gets to know the
// host and the port, and its own credentials.
func (d *dialer) reachThrough(ctx context.Context, via *url.URL, target string) (net.Conn, error) {
	address, err := proxyAddress(via)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(via.Scheme, "http") {
		t := tunneler{dialer: d, via: via, address: address, target: target}
		return t.connect(ctx)
	}
	nc, err := d.reachProxy(ctx, via, address)
	if err != nil {
		return nil, err
	}
	release := interrupt.Watch(ctx, nc)
	err = connectBySOCKS(nc, via, address, target)
	if cut := release(); cut != nil {
		err = failed("the proxy "+address+" did not answer in time", cut)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// reachProxy returns a connection to the proxy itself.
func (d *dialer) reachProxy(ctx context.Context, via *url.URL, address string) (net.Conn, error) {
	nc, err := d.network()(ctx, "tcp", address)
	if err != nil {
		return nil, failed("cannot connect to the proxy "+address, cause(ctx, err))
	}
	if via.Scheme == "https" {
		if nc, err = startTLS(ctx, nc, d.ProxyTLSConfig, via.Hostname(), onlyHTTP1); err != nil {
			return nil, failed("no TLS with the proxy "+address, cause(ctx, err))
		}
	}
	return nc, nil
}

// connectBySOCKS asks the SOCKS5 proxy on nc (RFC 1928, RFC 1929) for a connection to the target, whose name the proxy
// looks up itself.
func connectBySOCKS(nc net.Conn, via *url.URL, address, target string) error {
	var auth *proxy.Auth
	if via.User.Username() != "" {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	talk := &socksTalk{Conn: nc}
	socks, err := proxy.SOCKS5("tcp", address, auth, connected{talk})
	if err == nil {
		_, err = socks.Dial("tcp", target) // reads not a byte too many
	}
	if err != nil {
		return failed("the proxy "+address+" does not connect to "+target, talk.explain(err))
	}
	return nil
}

// socksTalk is a connection to a SOCKS5 proxy on which is noted where the talk breaks off: the error alone does not say.
type socksTalk struct {
	net.Conn
	sent   string // the last thing that was said, as its request and its answer are called
	answer string
	broken string // what has failed, or ""
}

func (t *socksTalk) Write(p []byte) (int, error) {
	switch {
	case t.sent == "":
		t.sent, t.answer = "greeting", "greeting"
	case p[0] == 1: // the version of RFC 1929
		t.sent, t.answer = "authentication request", "authentication reply"
	default:
		t.sent, t.answer = "connect request", "connect reply"
	}
	n, err := t.Conn.Write(p)
	if err != nil {
		t.broken = "failed to write " + t.sent
	}
	return n, err
}

func (t *socksTalk) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil && n < len(p) { // else it is of the bytes behind those that were asked for
		t.broken = "failed to read " + t.answer
	}
	return n, err
}

// explain adds to err where the talk broke off, if it did.
func (t *socksTalk) explain(err error) error {
	if t.broken == "" {
		return err
	}
	return fmt.Errorf("%s: %w", t.broken, err)
}

// connected is a proxy.Dialer for a connection that there is already.
type connected struct{ nc net.Conn }

// Dial implements proxy.Dialer.
func (c connected) Dial(string, string) (net.Conn, error) { return c.nc, nil }

// DialContext implements proxy.ContextDialer.
func (c connected) DialContext(context.Context, string, string) (net.Conn, error) { return c.nc, nil }
