// Command whiteboard is a drawing that everybody in it shares, with a page to draw in a browser.
//
//	go run ./examples/whiteboard
//
// Messages are binary. Who comes late gets all of the board; where the others point is only worth knowing while it is
// new, so these messages are the first to be dropped when a connection is slow. The board ends with the server; a page
// that comes back sends what had not arrived.
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

// shutdownTime is how long people have to take what was drawn and to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second
