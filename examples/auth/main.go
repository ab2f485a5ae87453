// Command auth shows three ways to know who is at the other end of a WebSocket: by a cookie, by a ticket, and by a token among
// the subprotocols. Its page tries each from a browser.
//
//	go run ./examples/auth
//
// There are no passwords: whoever gives a name has it. What docs/authentication.md says about each way is tested here.
package main

import (
	"context"
	_ "embed"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

//go:embed page.html
var page []byte

func main() { server().Main() }

func server() program.Program {
	return program.Program{Name: "auth", Addr: "127.0.0.1:9015", Open: open}
}

func open() (handler http.Handler, closeAll func()) {
	s := newSite(time.Now)
	return s.handler(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		_ = s.connections.Shutdown(ctx) // which fails only when the time is up; whoever is left then is cut off
	}
}

// shutdownTime is how long clients have to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second
