// Command whiteboard is a drawing board that everybody shares, with a page to draw in a browser.
//
//	go run ./examples/whiteboard
//
// Messages are binary. Latecomers get the whole board. Where the others point is only worth knowing while it is new, so
// these messages are the first to be dropped when a connection is slow. The board ends with the server. A page that comes
// back sends what had not arrived.
package main

import (
	"net/http"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program {
	return program.Program{Name: "whiteboard", Addr: "127.0.0.1:9012", Open: open}
}

func open() (handler http.Handler, closeAll func()) {
	b := newBoard()
	return b.handler(), b.close
}

// shutdownTime is how long people have, when the server ends, to take what was drawn and answer the close frame.
const shutdownTime = 4 * time.Second
