package websocket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// watch finds out which network connection package http sends a request on.
type watch struct{ last atomic.Pointer[net.Conn] }

// over returns the request to send.
func (w *watch) over(r *http.Request) *http.Request {
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { w.last.Store(&info.Conn) },
	}))
}

// network returns the network connection of a response that has switched protocols. If the body is that of package http itself,
// it is the connection below, which the engine knows to wait on without a buffer. n gets what has come behind the response.
func (w *watch) network(c *Conn, body io.ReadWriteCloser, n *conn.Negotiated) net.Conn {
	if nc, ok := body.(net.Conn); ok {
		return nc
	}
	c.flags.Or(anonymous)
	if nc := w.last.Load(); nc != nil && known(*nc) && fmt.Sprintf("%T", body) == "*http.readWriteCloserBody" {
		if p, err := arrived(body, *nc); err == nil {
			n.Buffered = p
			return *nc
		}
	}
	return stream{body}
}

// known reports whether the deadlines of a connection are known to work.
func known(nc net.Conn) bool {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	case *tls.Conn:
		return known(nc.NetConn())
	}
	return false
}

// arrived reads what package http holds of a body without waiting for the network, which is below.
func arrived(body io.Reader, below net.Conn) (all []byte, err error) {
	if err := below.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	buf := make([]byte, 512)
	for err == nil {
		var n int
		n, err = body.Read(buf)
		all = append(all, buf[:n]...)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) && err != io.EOF { // EOF comes again
		return nil, err
	}
	return all, below.SetReadDeadline(time.Time{})
}

// stream is a body as a network connection without addresses and deadlines. The engine closes it where a deadline would do.
type stream struct{ io.ReadWriteCloser }

func (stream) LocalAddr() net.Addr              { return unknownAddr{} }
func (stream) RemoteAddr() net.Addr             { return unknownAddr{} }
func (stream) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (stream) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (stream) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// unknownAddr is the address of connections that [Dial] has made.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "websocket" }
func (unknownAddr) String() string  { return "websocket/unknown-addr" }
