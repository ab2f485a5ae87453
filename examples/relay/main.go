// Command relay passes WebSocket connections on to another server, as a reverse proxy does.
//
//	go run ./examples/echo
//	go run ./examples/relay -to ws://127.0.0.1:9001
//
// For each client it dials the backend, and then passes on what either end sends: messages, piece by piece, and the close,
// with its code and reason. Nothing piles up in between: while one end does not read, the other one waits. Pings stay on
// their own side, because each connection has its own heartbeat. An end that vanishes without a close frame is reported
// to the other one as 1011.
package main

import (
	"errors"
	"flag"
	"net/http"
	"net/url"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program {
	target := &url.URL{Scheme: "ws", Host: "127.0.0.1:9001"}
	return program.Program{
		Name: "relay",
		Addr: "127.0.0.1:9013",
		Flags: func(flags *flag.FlagSet) {
			flags.Func("to", "`URL` of the backend, without a path: that of each request is kept (default "+target.String()+")",
				func(s string) (err error) {
					target, err = backendURL(s)
					return err
				})
		},
		Open: func() (handler http.Handler, closeAll func()) {
			p := &proxy{target: target}
			return p, p.close
		},
	}
}

func backendURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" || u.RequestURI() != "/" {
		return nil, errors.New("need a URL such as ws://127.0.0.1:9001")
	}
	return u, nil
}

// shutdownTime is how long clients have to answer the close frame when the relay ends.
const shutdownTime = 4 * time.Second
