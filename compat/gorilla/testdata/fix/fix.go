// Package fix calls what has another name by now.
package fix

import (
	"net"

	"github.com/seed60239977/websocket/compat/gorilla"
)

func echo(c *websocket.Conn) (net.Addr, error) {
	var v any
	if err := websocket.ReadJSON(c, &v); err != nil {
		return nil, err
	}
	return c.UnderlyingConn().LocalAddr(), websocket.WriteJSON(c, v)
}
