package serve

import (
	"context"
	"net"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

// everybody is the topic of a broadcast.
const everybody = "everybody"

// startEvent answers from an event loop, which accepts the connections too. It broadcasts by package hub.
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
		all := hub.New(nil)
		e.Open = func(_ context.Context, c *websocket.Conn) { all.Subscribe(c, everybody) }
		e.Message = func(_ *websocket.Conn, m websocket.Message) error {
			return all.Publish(context.Background(), everybody, websocket.Prepare(m.Type, m.Data))
		}
	}
	go l.Serve(ln, e, options(s))
	return ln.Addr(), nil
}
