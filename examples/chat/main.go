// Command chat is a chat with several rooms, with a page to talk from a browser.
//
//	go run ./examples/chat
//
// A guest says a name and enters a room, gets its last 50 messages, and sees who is there and who is typing. The page
// comes back by itself when the connection is lost or the server restarts, and then sends what had not arrived. There are
// no accounts: two guests with the same name look like one, and the history ends with the server.
package main

import (
	"net/http"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program {
	return program.Program{Name: "chat", Addr: "127.0.0.1:9010", Open: open}
}

func open() (handler http.Handler, closeAll func()) {
	h := newHouse()
	return h.handler(), h.close
}

// shutdownTime is how long guests have to take what was said and to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second
