package observe_test

import (
	"context"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

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

// The page is on a listener of its own, which only the machine itself can reach.
func ExamplePage() {
	var registry websocket.Registry
	public, internal := http.NewServeMux(), http.NewServeMux()
	public.Handle("/chat", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.CloseRead(ctx)
		<-c.Done()
	}, &websocket.AcceptOptions{Registry: &registry}))
	internal.Handle("/connections", observe.Page(&registry))

	for address, mux := range map[string]http.Handler{"127.0.0.1:6060": internal, ":8080": public} {
		server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		go func() { log.Fatal(server.ListenAndServe()) }()
	}
}
