package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// AcceptConn does the opening handshake on a connection that nothing has been read from, without an HTTP server. It reads one
// request of at most 16 KiB and answers it, within the limits of AcceptOptions.HandshakeTimeout and ctx. The returned request
// has no body; AcceptConn ignores its path. One CRLF in front of the request is skipped (RFC 9112 §2.2). nc may be a
// [*tls.Conn]: AcceptConn does its handshake if necessary, and sets the request's TLS.
//
// AcceptConn owns nc. If the handshake fails, it answers with the appropriate HTTP status where it can, gives the client up to
// half a second to read the answer, and closes nc. The error is a [*HandshakeError], and the request is returned too if it
// could be parsed. Bytes that arrive right after the request are not lost. ctx bounds only the handshake, but is also the
// context of the returned request.
//
// nc need not support deadlines: where they do not work, AcceptConn enforces the limits by closing nc. So it can serve
// connections such as those of a listener at the far end of an SSH connection (ssh -R). net/http needs deadlines to hand over a
// connection; where setting them has no effect, [Handler] and [Accept] wait forever.
func AcceptConn(ctx context.Context, nc net.Conn, o *AcceptOptions) (c *Conn, r *http.Request, err error) {
	growStack()
	if o == nil {
		o = &AcceptOptions{}
	}
	return o.receive(ctx, nc, nil)
}

// receive is AcceptConn. Before a request is accepted, agreed is called, which may be nil.
func (o *AcceptOptions) receive(ctx context.Context, nc net.Conn, agreed func(r *http.Request)) (c *Conn, r *http.Request, err error) {
	var start time.Time
	if o.Config.Observer != nil {
		start = time.Now()
	}
	counted := false
	defer func() {
		if counted {
			o.Registry.done()
		}
	}()
	release := interrupt.Watch(ctx, nc)
	defer release() // also if a hook of the caller panics
	c, r, err = o.acceptConn(ctx, nc, agreed, &counted)
	if cut := release(); cut != nil && err == nil {
		c.CloseNow()
		err = failed("the handshake was given up", cut)
	}
	if err != nil {
		c = nil
	}
	o.observeAnswer(ctx, nc, r, start, c, err)
	return c, r, err
}

// acceptConn reports in counted whether the Registry has counted the handshake.
func (o *AcceptOptions) acceptConn(ctx context.Context, nc net.Conn, agreed func(r *http.Request), counted *bool) (c *Conn, r *http.Request, err error) {
	taken := false // by open, which closes nc if it fails
	limit := o.limit(nc)
	defer func() {
		if !taken { // also if a hook of the caller panics
			limit.Stop()
			interrupt.CloseGently(nc)
		}
	}()
	r, rest, err := readRequest(ctx, nc, &limit)
	if err != nil {
		refuseConn(ctx, nc, &limit, err)
		return nil, nil, err
	}
	*counted = o.Registry.begin() // a client that has not sent its request holds up no Shutdown
	decide := o.decisions()
	resp, err := decide.Accept(r)
	if err == nil {
		err = o.Registry.admit()
	}
	if err != nil {
		refuseConn(ctx, nc, &limit, err)
		return nil, r, err
	}
	if agreed != nil {
		agreed(r)
	}
	taken = true
	c, err = o.open(nc, &limit, &resp, rest, blocking)
	return c, r, err
}

// scratch is the memory that a handshake needs and a connection does not.
type scratch struct {
	parser handshake.RequestParser
	buf    []byte
}

// scratchSize is enough for the requests of browsers; a larger one makes the buffer grow.
const scratchSize = 4 << 10

var scratches = sync.Pool{New: func() any { return &scratch{buf: make([]byte, scratchSize)} }}

func takeScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) free() {
	s.parser.Reset()
	scratches.Put(s)
}

// readRequest reads a request, and a copy of what came behind it.
func readRequest(ctx context.Context, nc net.Conn, limit *interrupt.Limit) (r *http.Request, rest []byte, err error) {
	s := takeScratch()
	defer s.free()
	for filled := 0; ; {
		if filled == len(s.buf) { // the parser stops at handshake.MaxRequest, before there is no room
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		n, readErr := nc.Read(s.buf[filled:])
		filled += n
		r, used, err := s.parser.Parse(ctx, s.buf[:filled])
		switch {
		case err != nil:
			return nil, nil, err
		case r != nil:
			if used < filled {
				rest = bytes.Clone(s.buf[used:filled])
			}
			describe(r, nc)
			return r, rest, nil
		case readErr != nil:
			return nil, nil, readFailed(ctx, limit.Cause(readErr))
		}
	}
}

// describe adds to the request what only the network connection knows.
func describe(r *http.Request, nc net.Conn) {
	r.RemoteAddr = remoteAddr(nc)
	if state, ok := stateOfTLS(nc); ok {
		kept := state // so that there is no memory for it where there is no TLS
		r.TLS = &kept
	}
}

// remoteAddr returns the peer's address as net/http has it, or "" if there is none.
func remoteAddr(nc net.Conn) string {
	switch addr := nc.RemoteAddr().(type) {
	case nil:
		return ""
	case interface{ AddrPort() netip.AddrPort }: // of TCP; its String would make more garbage
		ip := addr.AddrPort()
		return netip.AddrPortFrom(ip.Addr().Unmap(), ip.Port()).String()
	default:
		return addr.String()
	}
}

// readFailed tells a client that is slow from one that is gone and from a caller that gave up.
func readFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return failed("the handshake was given up", ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &handshake.Error{Status: http.StatusRequestTimeout, Reason: "the request took too long to arrive", Err: err}
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return failed("the request could not be read", err)
}

// How long and how much AcceptConn listens to a client that it has refused. A connection that is closed with unread
// input is reset, and the reset may overtake the response.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 10
)

// refuseConn tells the client about a refusal, if it is one, and lets it read that.
func refuseConn(ctx context.Context, nc net.Conn, limit *interrupt.Limit, err error) {
	var e *handshake.Error
	if !errors.As(err, &e) || e.Status == 0 || ctx.Err() != nil {
		return
	}
	limit.Move(time.Now().Add(lingerTime))
	if _, err := nc.Write(e.AppendResponse(nil)); err != nil {
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.CopyN(io.Discard, nc, lingerBytes)
	}
}

// growStack makes a goroutine's first stack as large as a handshake needs it, while there is little on it to be moved.
//
//go:noinline
func growStack() {
	var room [1500]byte
	runtime.KeepAlive(&room)
}
