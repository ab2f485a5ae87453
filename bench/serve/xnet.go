package serve

import (
	"net"
	"unicode/utf8"

	"golang.org/x/net/websocket"
)

type xnetMessage struct {
	typ  byte
	data []byte
}

// xnetCodec passes messages on with their type, which the package's own codecs do not.
var xnetCodec = websocket.Codec{
	Marshal: func(v any) ([]byte, byte, error) {
		m := v.(*xnetMessage)
		return m.data, m.typ, nil
	},
	Unmarshal: func(data []byte, typ byte, v any) error {
		if typ == websocket.TextFrame && !utf8.Valid(data) {
			return errNotUTF8
		}
		*v.(*xnetMessage) = xnetMessage{typ, data}
		return nil
	},
}

// startXNet has its handlers stay, since the library closes a connection when its handler returns.
func startXNet(s Spec) (net.Addr, error) {
	handle := func(c *websocket.Conn, m *xnetMessage) error { return xnetCodec.Send(c, m) }
	var all *room[*websocket.Conn]
	if s.Task == Broadcast {
		all = newRoom[*websocket.Conn]()
		handle = func(_ *websocket.Conn, m *xnetMessage) error {
			all.each(func(c *websocket.Conn) { xnetCodec.Send(c, m) })
			return nil
		}
	}
	return serveHTTP(s, websocket.Server{Handler: func(c *websocket.Conn) {
		if all != nil {
			all.enter(c)
			defer all.leave(c)
		}
		var m xnetMessage
		for xnetCodec.Receive(c, &m) == nil && handle(c, &m) == nil {
		}
	}})
}
