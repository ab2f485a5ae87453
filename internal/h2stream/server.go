package h2stream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Serve makes a Conn of a request of HTTP/2 or HTTP/3 and its response, whose header has been sent, and frees it of the
// time limits that the server set for a request. The handler of the request must not return before [Conn.Host] has:
// when it does, the stream ends in good order, unless Close has reset it.
func Serve(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("writing: %w", err)
	}
	return New(Stream{
		Body:     r.Body,
		Send:     sender(r.Context(), w, c),
		Abort:    func() { reset(c) },
		Unending: r.ProtoMajor > 2, // there, a deadline that has passed only makes writes fail
		Local:    localAddr(r),
		Remote:   remoteAddr(r),
	}), nil
}

// reset resets the stream, if it has not ended.
func reset(c *http.ResponseController) {
	defer func() { _ = recover() }() // net/http panics if the handler has returned, although it must not
	c.SetWriteDeadline(longAgo)
}

// sender sends as a part of the response.
func sender(ctx context.Context, w http.ResponseWriter, c *http.ResponseController) func([]byte) error {
	return func(p []byte) (err error) {
		defer func() {
			if v := recover(); v != nil { // net/http does so if the handler has returned, although it must not
				err = fmt.Errorf("the response cannot be written: %v", v)
			}
		}()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the stream is over: %w", err)
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		return c.Flush()
	}
}

func localAddr(r *http.Request) net.Addr {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return a
	}
	return addr{}
}

// remoteAddr is what the server has put into the request, or middleware.
func remoteAddr(r *http.Request) net.Addr {
	ip, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case err != nil:
		return addr{"http", r.RemoteAddr}
	case r.ProtoMajor >= 3:
		return net.UDPAddrFromAddrPort(ip)
	}
	return net.TCPAddrFromAddrPort(ip)
}

// addr is an address that is none of TCP or UDP.
type addr struct{ network, address string }

func (a addr) Network() string { return a.network }
func (a addr) String() string  { return a.address }
