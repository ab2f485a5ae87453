package websocket

import (
	"context"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// maxConnects is how often CONNECT is sent to a proxy that asks for authentication. Schemes take two or three.
const maxConnects = 5

// A tunneler asks an HTTP proxy for a tunnel to the target (RFC 9110 §9.3.6), which is needed for ws, too.
type tunneler struct {
	*dialer
	via             *url.URL
	address, target string // of the proxy, and of the server

	nc net.Conn // to the proxy, nil if there is none that can be used
	rr *responseReader
}

// connect returns the tunnel. On the way it answers the proxy's challenges, if the caller knows how to.
func (t *tunneler) connect(ctx context.Context) (_ net.Conn, err error) {
	done := false
	defer func() {
		if !done { // also if a hook of the caller panics
			t.drop()
		}
	}()
	var challenge *http.Response
	for n := 1; ; n++ {
		header, proceed, err := t.header(ctx, challenge)
		switch {
		case err != nil:
			return nil, err
		case !proceed:
			return nil, t.refused(challenge)
		}
		resp, err := t.ask(ctx, header)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200 && resp.StatusCode <= 299:
			done = true
			return t.tunnel(), nil
		case resp.StatusCode != http.StatusProxyAuthRequired || t.ProxyConnectHeader == nil || n == maxConnects:
			return nil, t.refused(resp)
		}
		challenge = resp
	}
}

// refused is the answer of the proxy as an error.
func (t *tunneler) refused(resp *http.Response) error {
	reason := "the proxy " + t.address + " does not connect to " + t.target
	return &handshake.Error{Status: resp.StatusCode, Header: resp.Header, Reason: reason}
}

// header returns the header fields of a CONNECT. It does not proceed if the caller has no answer to the challenge.
func (t *tunneler) header(ctx context.Context, challenge *http.Response) (h http.Header, proceed bool, err error) {
	h = http.Header{"User-Agent": {handshake.DefaultUserAgent}}
	if t.via.User != nil {
		password, _ := t.via.User.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(t.via.User.Username() + ":" + password))
		h["Proxy-Authorization"] = []string{"Basic " + credentials}
	}
	overlay(h, t.ProxyHeader)
	if t.ProxyConnectHeader == nil {
		return h, true, nil
	}
	more, err := t.ProxyConnectHeader(ctx, t.via, t.target, challenge)
	if err != nil {
		return nil, false, failed("no header for the proxy "+t.address, cause(ctx, err))
	}
	if err := checkProxyHeader(more); err != nil {
		return nil, false, err
	}
	overlay(h, more)
	return h, more != nil || challenge == nil, nil
}

// overlay replaces fields of h.
func overlay(h, over http.Header) {
	for name, values := range over {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

// checkProxyHeader reports what is wrong with header fields for a proxy.
func checkProxyHeader(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) || handshake.Reserved(name) {
			return &handshake.Error{Reason: "the header for the proxy may not contain the field " + strconv.Quote(name)}
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return &handshake.Error{Reason: "the header for the proxy has a control character in the field " + strconv.Quote(name)}
			}
		}
	}
	return nil
}

// ask sends a CONNECT and returns the response to it, with its body in memory.
func (t *tunneler) ask(ctx context.Context, header http.Header) (resp *http.Response, err error) {
	if t.nc == nil {
		if t.nc, err = t.reachProxy(ctx, t.via, t.address); err != nil {
			return nil, err
		}
		t.rr = newResponseReader(t.nc)
	}
	release := interrupt.Watch(ctx, t.nc)
	resp, reusable, err := t.exchange(header)
	if cut := release(); cut != nil {
		return nil, failed("the proxy "+t.address+" did not answer in time", cut)
	}
	if !reusable {
		t.drop()
	}
	return resp, err
}

// exchange sends a CONNECT and reads the response. The connection is reusable for a tunnel or another CONNECT.
func (t *tunneler) exchange(header http.Header) (resp *http.Response, reusable bool, err error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: t.target}, Host: t.target, Header: maps.Clone(header)}
	if err := req.Write(t.nc); err != nil {
		return nil, false, failed("the request to the proxy "+t.address+" could not be sent", err)
	}
	resp, err = t.rr.next(req, nil)
	switch {
	case err != nil:
		return nil, false, failed("the response of the proxy "+t.address+" could not be read", err)
	case resp.StatusCode < 300:
		// "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will switch to
		// tunnel mode immediately after the response header section". There is no body, whatever the header says.
		return resp, true, nil
	case resp.StatusCode != http.StatusProxyAuthRequired || t.ProxyConnectHeader == nil:
		return resp, false, nil // nobody is going to look at the body
	}
	whole := keepBody(resp)
	return resp, whole && !resp.Close, nil
}

// drop closes the connection to the proxy.
func (t *tunneler) drop() {
	if t.nc != nil {
		t.nc.Close()
		t.nc = nil
	}
}

// tunnel is the connection to the target, which may have been read from already.
func (t *tunneler) tunnel() net.Conn {
	if rest := t.rr.rest(); len(rest) > 0 {
		return &prefixed{Conn: t.nc, prefix: rest}
	}
	return t.nc
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
