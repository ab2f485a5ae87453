package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/log"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/handshake"
)

// webSocket is websocket.Handler for Fiber. fasthttp hands over the connection, and AcceptConn gets to read the request once
// more and answers it.
func webSocket(serve func(context.Context, *websocket.Conn), o websocket.AcceptOptions) fiber.Handler {
	return func(c fiber.Ctx) error {
		if c.RequestCtx().IsTLS() && strings.HasPrefix(c.Get(fiber.HeaderOrigin), "http:") {
			return fiber.ErrForbidden // AcceptConn would not know of TLS
		}
		request, o := bytes.Clone(c.Request().Header.Header()), o
		o.Header = middlewareHeader(c)
		c.RequestCtx().HijackSetNoResponse(true)
		c.RequestCtx().Hijack(func(nc net.Conn) {
			ws, _, err := websocket.AcceptConn(context.Background(), replayed(request, nc), &o)
			if err != nil {
				return // it is answered and closed
			}
			defer finish(ws)
			serve(context.Background(), ws)
		})
		return nil
	}
}

// finish closes a connection whose function has returned, perhaps by a panic: nobody else would recover from that here.
func finish(ws *websocket.Conn) {
	code := websocket.StatusNormalClosure
	if p := recover(); p != nil {
		log.Errorf("websocket: panic serving %v: %v\n%s", ws.RemoteAddr(), p, debug.Stack())
		code = websocket.StatusInternalError
	}
	ws.Close(code, "")
}

// middlewareHeader returns what middleware wants to have sent, except what belongs to a body.
func middlewareHeader(c fiber.Ctx) http.Header {
	h := http.Header{}
	for name, value := range c.Response().Header.All() {
		if s := string(name); !strings.HasPrefix(s, "Content-") && !handshake.Reserved(s) {
			h.Add(s, string(value))
		}
	}
	return h
}

// replay is a connection whose first bytes have been read already.
type replay struct {
	net.Conn
	first []byte
}

// replayed returns the connection under nc, beginning with the request and with what fasthttp has read behind it. A deadline
// that has passed makes nc give out what is in its buffer, and no more. From then on nc is not used: its Close does nothing,
// and fasthttp uses its buffer again.
func replayed(request []byte, nc net.Conn) net.Conn {
	nc.SetReadDeadline(time.Unix(1, 0))
	behind, _ := io.ReadAll(nc)
	nc.SetReadDeadline(time.Time{})
	return &replay{nc.(interface{ UnsafeConn() net.Conn }).UnsafeConn(), append(request, behind...)}
}

// Read implements net.Conn.
func (r *replay) Read(p []byte) (n int, err error) {
	if len(r.first) == 0 {
		return r.Conn.Read(p)
	}
	n = copy(p, r.first)
	r.first = r.first[n:]
	return n, nil
}
