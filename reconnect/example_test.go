package reconnect_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/reconnect"
)

func ExampleRun() {
	var visits atomic.Int32
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, fmt.Appendf(nil, "visit %d", visits.Add(1)))
		if visits.Load() < 3 {
			c.Close(websocket.StatusServiceRestart, "")
			return
		}
		c.Close(websocket.StatusNormalClosure, "thank you")
	}, nil))
	defer server.Close()

	err := reconnect.Run(context.Background(), reconnect.To(server.URL, nil), func(ctx context.Context, c *websocket.Conn) error {
		// Say here who you are and where you stopped; then read until there is an error.
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return err
			}
			fmt.Println(string(m.Data))
		}
		return nil
	}, &reconnect.Options{InitialBackoff: time.Millisecond})
	fmt.Println(err)
	// Output:
	// visit 1
	// visit 2
	// visit 3
	// websocket: closed by the peer: 1000 normal closure: thank you
}
