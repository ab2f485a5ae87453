package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/proxy"

	"github.com/seed60239977/websocket/handshake"
)

// reach returns a network connection to the host and port of u, through a proxy if there is one for it. §4.1: "If the
// client is configured to use a proxy when using the WebSocket Protocol to connect to host /host/ and port /port/, then
// the client SHOULD connect to that proxy and ask it to open a TCP connection to the host given by /host/ and the port
// given by /port/." So a proxy gets to know the host and the port, and its own credentials.
func (d *dialer) reach(ctx context.Context, u *url.URL) (net.Conn, error) {
	target := handshake.Address(u)
	via, err := d.proxyFor(ctx, u)
	if err != nil {
		return nil, failed("there is no telling which proxy leads to "+target, err)
	}
	if via == nil {
		nc, err := d.network()(ctx, "tcp", target)
		if err != nil {
			return nil, failed("cannot connect to "+target, cause(ctx, err))
		}
		return nc, nil
	}
	address, err := proxyAddress(via)
	if err != nil {
		return nil, err
	}
	return d.reachThrough(ctx, via, address, target)
}

// network is what makes network connections.
func (d *dialer) network() func(ctx context.Context, network, address string) (net.Conn, error) {
	if d.NetDial != nil {
		return d.NetDial
	}
	return new(net.Dialer).DialContext
}

// proxyFor asks which proxy to take. The question has nothing in it that is for the server alone.
func (d *dialer) proxyFor(ctx context.Context, u *url.URL) (*url.URL, error) {
	choose := d.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	asked := httpURL(u)
	asked.User = nil
	r := &http.Request{Method: http.MethodGet, URL: asked, Host: asked.Host, Header: http.Header{}}
	return choose(r.WithContext(ctx))
}

// proxyPorts are the default ports of the schemes that a proxy's URL may have.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// proxyAddress returns the host and port to dial for the URL of a proxy.
func proxyAddress(via *url.URL) (string, error) {
	port, known := proxyPorts[via.Scheme]
	if !known {
		return "", &handshake.Error{Reason: "the scheme of a proxy's URL has to be http, https, socks5 or socks5h"}
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

// reachThrough goes through the proxy at an address to a target.
func (d *dialer) reachThrough(ctx context.Context, via *url.URL, address, target string) (net.Conn, error) {
	nc, err := d.network()(ctx, "tcp", address)
	if err != nil {
		return nil, failed("cannot connect to the proxy "+address, cause(ctx, err))
	}
	if via.Scheme == "https" {
		if nc, err = startTLS(ctx, nc, d.ProxyTLSConfig, via.Hostname()); err != nil {
			return nil, failed("no TLS with the proxy "+address, cause(ctx, err))
		}
	}
	ask := connectByHTTP
	if strings.HasPrefix(via.Scheme, "socks5") {
		ask = connectBySOCKS
	}
	release := interruptible(ctx, nc)
	rest, err := ask(nc, via, address, target)
	if cut := release(); cut != nil {
		err = failed("the proxy "+address+" did not answer in time", cut)
	}
	switch {
	case err != nil:
		nc.Close()
		return nil, err
	case len(rest) > 0:
		return &prefixed{Conn: nc, prefix: rest}, nil
	}
	return nc, nil
}

// connectBySOCKS asks the SOCKS5 proxy on nc (RFC 1928, RFC 1929) for a connection to the target, whose name the proxy
// looks up itself.
func connectBySOCKS(nc net.Conn, via *url.URL, address, target string) (rest []byte, err error) {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	socks, err := proxy.SOCKS5("tcp", address, auth, connected{nc})
	if err == nil {
		_, err = socks.Dial("tcp", target) // reads not a byte too many
	}
	if err != nil {
		return nil, failed("the proxy "+address+" does not connect to "+target, err)
	}
	return nil, nil
}

// connected is a proxy.Dialer for a connection that there is already.
type connected struct{ nc net.Conn }

// Dial implements proxy.Dialer.
func (c connected) Dial(string, string) (net.Conn, error) { return c.nc, nil }

// DialContext implements proxy.ContextDialer.
func (c connected) DialContext(context.Context, string, string) (net.Conn, error) { return c.nc, nil }

// connectByHTTP asks the HTTP proxy on nc (RFC 9110 §9.3.6) for a tunnel to the target and returns what has come out of it
// already. The tunnel is needed for ws, too.
func connectByHTTP(nc net.Conn, via *url.URL, address, target string) (rest []byte, err error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	req.Header.Set("User-Agent", "") // or net/http would make one up
	if via.User != nil {
		password, _ := via.User.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(via.User.Username() + ":" + password))
		req.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := req.Write(nc); err != nil {
		return nil, failed("the request to the proxy "+address+" could not be sent", err)
	}
	limited := &io.LimitedReader{R: nc, N: maxResponseHeader}
	br := bufio.NewReader(limited)
	resp, err := readResponse(br, req)
	switch {
	case err != nil && limited.N <= 0:
		return nil, failed("the header of the response of the proxy "+address+" is longer than 64 KiB", err)
	case err != nil:
		return nil, failed("the response of the proxy "+address+" could not be read", err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		reason := "the proxy " + address + " does not connect to " + target
		return nil, &handshake.Error{Status: resp.StatusCode, Header: resp.Header, Reason: reason}
	}
	// "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will switch to
	// tunnel mode immediately after the response header section". There is no body, whatever the header says.
	return buffered(br), nil
}

// prefixed is a net.Conn of which something has been read too early.
type prefixed struct {
	net.Conn
	prefix []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.prefix)
	p.prefix = p.prefix[n:]
	return n, nil
}

// startTLS does the client's TLS handshake for HTTP/1.1. It owns nc: if it fails, nc is closed.
func startTLS(ctx context.Context, nc net.Conn, cfg *tls.Config, host string) (net.Conn, error) {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = strings.Cut(host, "%") // a zone is not in a certificate
	}
	cfg.NextProtos = []string{"http/1.1"}
	t := tls.Client(nc, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}
