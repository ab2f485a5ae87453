package http3_test

import (
	"context"
	"log"
	"net/http"

	h3 "github.com/quic-go/quic-go/http3"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/http3"
)

// The same handler serves HTTP/1.1, HTTP/2 and HTTP/3.
func Example() {
	http.Handle("/chat", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}, nil))
	go func() { log.Fatal(http.ListenAndServeTLS(":443", "cert.pem", "key.pem", nil)) }()
	log.Fatal(h3.ListenAndServeQUIC(":443", "cert.pem", "key.pem", nil))
}

// Both WebSockets share a connection.
func ExampleDialer() {
	var d http3.Dialer
	defer d.Close()
	for _, room := range []string{"garden", "kitchen"} {
		c, _, err := d.Dial(context.Background(), "wss://chat.example/"+room, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer c.CloseNow()
	}
}
