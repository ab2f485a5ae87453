package serve

import (
	"context"
	"net"

	"github.com/seed60239977/websocket"
)

// startEvent answers from an event loop, which accepts the connections too.
func startEvent(s Spec) (net.Addr, error) {
	ln, err := listen(s)
	if err != nil {
		return nil, err
	}
	l, err := websocket.NewLoop(nil)
	if err != nil {
		return nil, err
	}
	e := websocket.Events{Message: func(c *websocket.Conn, m websocket.Message) error {
		return c.Write(context.Background(), m.Type, m.Data)
	}}
	if s.Task == Broadcast {
		all := newRoom[*websocket.Conn]()
		e.Open = func(_ context.Context, c *websocket.Conn) { all.enter(c) }
		e.Close = func(c *websocket.Conn, _ error) { all.leave(c) }
		e.Message = func(_ *websocket.Conn, m websocket.Message) error {
			p := websocket.Prepare(m.Type, m.Data)
			all.each(func(c *websocket.Conn) { c.SendPrepared(p) })
			return nil
		}
	}
	go l.Serve(ln, e, options(s))
	return ln.Addr(), nil
}
