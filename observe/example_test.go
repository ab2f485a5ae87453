package observe_test

import (
	"context"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"sync"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/observe"
)

// Counters in /debug/vars, and a log.
func Example() {
	var counters observe.Counters
	expvar.Publish("websocket", &counters)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))

	var gone sync.WaitGroup
	gone.Add(1)
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
		gone.Done()
	}, &websocket.AcceptOptions{Config: websocket.Config{
		Observer: observe.Join(counters.Observer(), observe.Log(logger)),
	}}))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	c.Write(ctx, websocket.Text, []byte("Hello"))
	c.Read(ctx)
	c.Close(websocket.StatusNormalClosure, "")
	gone.Wait()

	s := counters.Stats()
	fmt.Println(s.Accepted, s.Received.Text.Messages, s.Sent.Text.Bytes, s.Codes)
	// Output:
	// 1 1 5 map[1000 normal closure:1]
}
