package websockettest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// greet is a server that says hello, and goodbye after a minute of silence.
func greet(ctx context.Context, c *websocket.Conn) {
	c.Write(ctx, websocket.Text, []byte("hello"))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c.Read(ctx)
	c.Close(websocket.StatusNormalClosure, "goodbye")
}

// testGreet would be TestGreet in a file of tests. It takes no time.
func testGreet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := websockettest.Pair(t, nil)
		go greet(t.Context(), server)

		if _, hello, err := client.Read(t.Context()); string(hello) != "hello" {
			t.Fatal(string(hello), err)
		}
		start := time.Now()
		client.Read(t.Context())
		if waited := time.Since(start); waited != time.Minute {
			t.Fatal("goodbye came after", waited)
		}
	})
}

func ExamplePair() {
	_ = testGreet // see there
}
