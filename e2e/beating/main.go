// Command beating is the server of the load test: it accepts connections, says nothing on them but pings, and has no other
// work, so that its memory and its time are those of the connections. They come over HTTP/1.1 or HTTP/2, without TLS.
//
//	beating -ping 30s
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/seed60239977/websocket"
	_ "github.com/seed60239977/websocket/http2" // streams of HTTP/2 may be WebSockets
)

func main() {
	ping := flag.Duration("ping", 0, "how much silence there may be before a ping; twice that, and the peer is gone")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	wait := func(ctx context.Context, c *websocket.Conn) {
		for _, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", websocket.Handler(wait, &websocket.AcceptOptions{
		Config: websocket.Config{PingInterval: *ping, IdleTimeout: 2 * *ping},
	}))
	// What handshakes have left behind is not for the measurement.
	mux.HandleFunc("/settle", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.Serve(listener))
}
