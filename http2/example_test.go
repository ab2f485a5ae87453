package http2_test

import (
	"context"
	"log"
	"net/http"

	"github.com/seed60239977/websocket"
	_ "github.com/seed60239977/websocket/http2"
)

// A browser that has loaded the page over HTTP/2 opens its WebSocket on the same connection.
func Example() {
	http.Handle("/chat", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}, nil))
	http.Handle("/", http.FileServer(http.Dir("page")))
	log.Fatal(http.ListenAndServeTLS(":443", "cert.pem", "key.pem", nil))
}
