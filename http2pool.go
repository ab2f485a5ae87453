//lint:file-ignore SA1019 what is recommended instead, net/http's ClientConn, refuses requests with :protocol

package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/seed60239977/websocket/internal/h2stream"
)

// HTTP2Pool makes [Dial] open WebSockets as streams of shared HTTP/2 connections (RFC 8441). Set it in DialOptions. The zero
// value is ready for use, by any number of Dials at once, as long as all of them have the same network options (NetDial,
// NetDialTLS, ProxyHeader, ProxyTLSConfig): the pool distinguishes connections only by the host and port, the proxy, and the
// pointer TLSConfig. An HTTP2Pool must not be copied.
//
// A connection is closed after 90 s without a WebSocket. One that brings nothing for 30 s is pinged, and is closed with its
// WebSockets if no answer comes within 15 s.
type HTTP2Pool struct {
	// Unencrypted makes Dial use HTTP/2 for URLs with the scheme ws, too, on the assumption that their servers speak it ("prior
	// knowledge", RFC 9113 §3.3). Without it, they get HTTP/1.1.
	Unencrypted bool

	mu      sync.Mutex // held for moments
	origins map[poolKey]*poolOrigin
	closed  bool
}

// poolKey is what connections are told apart by.
type poolKey struct {
	scheme, address, proxy string
	tls                    *tls.Config
}

// poolOrigin is what a pool knows of a server. It is guarded by HTTP2Pool.mu.
type poolOrigin struct {
	conns   []*poolConn
	dialing chan struct{} // closed when the Dial that makes a connection has done so, or not; nil if there is none
	http1   time.Time     // until when the server is known to have no extended CONNECT
}

// poolConn is a connection that takes an extended CONNECT.
type poolConn struct {
	nc     net.Conn
	client *http2.ClientConn
}

const (
	// http1Memory is how long a server is not asked again for extended CONNECT.
	http1Memory = 10 * time.Minute
	// poolIdleTimeout is how long a connection without a stream stays.
	poolIdleTimeout = 90 * time.Second
	// poolWriteTimeout is how long a connection may take nothing before it counts as broken.
	poolWriteTimeout = 30 * time.Second
	// poolReadTimeout is how long a connection may bring nothing before it is pinged, and poolPingTimeout how long the answer may
	// take before it counts as broken. Without that, only TCP's own limits would show that the network is gone, and every Dial
	// until then would wait in vain.
	poolReadTimeout = 30 * time.Second
	poolPingTimeout = 15 * time.Second
)

// Close closes all connections, and with them their WebSockets, without a closing handshake. Later Dials with the pool fail.
// Close may be called more than once.
func (p *HTTP2Pool) Close() error {
	var conns []*poolConn
	p.mu.Lock()
	p.closed = true
	for _, o := range p.origins {
		conns = append(conns, o.conns...)
		o.conns = nil
	}
	p.mu.Unlock()
	for _, pc := range conns {
		pc.client.Close()
	}
	return nil
}

// takes reports whether URLs like u are dialed with HTTP/2. p may be nil.
func (p *HTTP2Pool) takes(u *url.URL) bool { return p != nil && (u.Scheme == "wss" || p.Unencrypted) }

// get returns a connection to a server with a stream reserved, made with connect if necessary. reused says that
// others have it, too. If the server has no extended CONNECT, get returns no connection, or one on which HTTP/1.1 may be
// spoken at once.
func (p *HTTP2Pool) get(ctx context.Context, key poolKey, connect func() (net.Conn, error)) (pc *poolConn, reused bool, http1 net.Conn, err error) {
	for {
		pc, busy, err := p.reserve(key)
		switch {
		case err != nil:
			return nil, false, nil, err
		case pc != nil:
			return pc, true, nil, nil
		case busy == nil:
			return nil, false, nil, nil
		}
		if busy.mine {
			pc, http1, err = p.dialFor(ctx, key, connect)
			return pc, false, http1, err
		}
		select {
		case <-busy.done:
		case <-ctx.Done():
			return nil, false, nil, failed("cannot connect to "+key.address, ctx.Err())
		}
	}
}

// dialing is a Dial that makes a connection, which others wait for.
type dialing struct {
	mine bool // it is the caller's
	done <-chan struct{}
}

// reserve reserves a stream of a connection that there is; or says who makes one; or neither, if the server is known to
// have no extended CONNECT.
func (p *HTTP2Pool) reserve(key poolKey) (*poolConn, *dialing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, failed("the HTTP2Pool is closed", net.ErrClosed)
	}
	o := p.origins[key]
	if o == nil {
		o = &poolOrigin{}
		if p.origins == nil {
			p.origins = map[poolKey]*poolOrigin{}
		}
		p.origins[key] = o
	}
	if time.Now().Before(o.http1) {
		return nil, nil, nil
	}
	for _, pc := range o.conns {
		if pc.client.ReserveNewRequest() {
			return pc, nil, nil
		}
	}
	if o.dialing != nil {
		return nil, &dialing{done: o.dialing}, nil
	}
	o.dialing = make(chan struct{})
	return nil, &dialing{mine: true}, nil
}

// dialFor is dial for an origin that others may wait for.
func (p *HTTP2Pool) dialFor(ctx context.Context, key poolKey, connect func() (net.Conn, error)) (pc *poolConn, http1 net.Conn, err error) {
	err = errors.New("a hook has panicked")
	defer func() { p.dialed(key, pc, err) }()
	return p.dial(ctx, connect)
}

// dialed takes a connection in, with which a Dial has come back, or records that the server has none for us.
func (p *HTTP2Pool) dialed(key poolKey, pc *poolConn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.origins[key]
	close(o.dialing)
	o.dialing = nil
	switch {
	case pc != nil && p.closed:
		pc.client.Close()
	case pc != nil:
		o.conns = append(o.conns, pc)
	case err == nil:
		o.http1 = time.Now().Add(http1Memory)
	}
	p.sweep()
}

// refused records that a server wants HTTP/1.1.
func (p *HTTP2Pool) refused(key poolKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.origins[key]; o != nil {
		o.http1 = time.Now().Add(http1Memory)
	}
}

// sweep forgets connections that have ended, and servers of which there is nothing to remember. The caller must hold mu.
func (p *HTTP2Pool) sweep() {
	for key, o := range p.origins {
		o.conns = slices.DeleteFunc(o.conns, func(pc *poolConn) bool { return !pc.client.CanTakeNewRequest() && pc.client.State().StreamsActive == 0 })
		if len(o.conns) == 0 && o.dialing == nil && !time.Now().Before(o.http1) {
			delete(p.origins, key)
		}
	}
}

// dial makes a connection with a stream reserved. Without extended CONNECT the result is that of get.
func (p *HTTP2Pool) dial(ctx context.Context, connect func() (net.Conn, error)) (*poolConn, net.Conn, error) {
	nc, err := connect()
	if err != nil {
		return nil, nil, err
	}
	if state, ok := stateOfTLS(nc); ok && state.NegotiatedProtocol != "h2" {
		return nil, nc, nil
	}
	watched := h2stream.Watch(nc)
	client, err := newHTTP2Client(watched)
	if err != nil {
		nc.Close()
		return nil, nil, failed("HTTP/2 cannot be spoken on the connection", err)
	}
	select {
	case <-watched.Seen():
	case <-ctx.Done():
		client.Close()
		return nil, nil, failed("the server did not answer in time", ctx.Err())
	}
	said := watched.Settings()
	if said.Connect && client.ReserveNewRequest() {
		return &poolConn{nc: nc, client: client}, nil, nil
	}
	client.Close()
	if said.Valid && !said.Connect {
		return nil, nil, nil
	}
	return nil, nil, failed("the server does not speak HTTP/2", nil)
}

// newHTTP2Client speaks HTTP/2 on nc, which has TLS already if there is any.
func newHTTP2Client(nc net.Conn) (*http2.ClientConn, error) {
	t := &http2.Transport{
		DisableCompression: true,
		MaxHeaderListSize:  maxResponseHeader,
		IdleConnTimeout:    poolIdleTimeout,
		WriteByteTimeout:   poolWriteTimeout,
		ReadIdleTimeout:    poolReadTimeout,
		PingTimeout:        poolPingTimeout,
	}
	return t.NewClientConn(nc)
}
