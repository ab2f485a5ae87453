package serve

import (
	"context"
	"net"
	"net/http"

	"github.com/seed60239977/websocket"
)

func options(s Spec) *websocket.AcceptOptions {
	o := &websocket.AcceptOptions{Config: websocket.Config{ReadLimit: 4 << 20}}
	if s.Compression != Plain {
		o.Deflate = &websocket.DeflateOptions{}
	}
	return o
}

// startServe answers by the callback mode.
func startServe(s Spec) (net.Addr, error) {
	var all *room[*websocket.Conn]
	answer := func(c *websocket.Conn, m websocket.Message) error {
		return c.Write(context.Background(), m.Type, m.Data)
	}
	if s.Task == Broadcast {
		all = newRoom[*websocket.Conn]()
		answer = func(_ *websocket.Conn, m websocket.Message) error {
			p := websocket.Prepare(m.Type, m.Data)
			all.each(func(c *websocket.Conn) { c.SendPrepared(p) })
			return nil
		}
	}
	return serveHTTP(s, websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		if all != nil {
			all.enter(c)
			defer all.leave(c)
		}
		c.Serve(ctx, answer)
	}, options(s)))
}

// startMessages answers in a range loop, each message on its own.
func startMessages(s Spec) (net.Addr, error) {
	if s.Task == Broadcast {
		return serveHTTP(s, websocket.Handler(broadcastMessages(), options(s)))
	}
	if s.InHandler {
		o := options(s)
		return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, o); err == nil {
				defer c.CloseNow()
				echoMessages(context.Background(), c)
			}
		}))
	}
	return serveHTTP(s, websocket.Handler(echoMessages, options(s)))
}

func echoMessages(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func broadcastMessages() func(context.Context, *websocket.Conn) {
	all := newRoom[*websocket.Conn]()
	return func(ctx context.Context, c *websocket.Conn) {
		all.enter(c)
		defer all.leave(c)
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			p := websocket.Prepare(m.Type, m.Data)
			all.each(func(c *websocket.Conn) { c.WritePrepared(ctx, p) })
		}
	}
}

// startAcceptConn serves connections without an HTTP server.
func startAcceptConn(s Spec) (net.Addr, error) {
	o := options(s)
	return serveConns(s, func(nc net.Conn) {
		ctx := context.Background()
		c, _, err := websocket.AcceptConn(ctx, nc, o)
		if err != nil {
			return
		}
		go func() { // on a stack that is small again
			defer c.CloseNow()
			echoMessages(ctx, c)
		}()
	})
}
