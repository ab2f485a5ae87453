// Command nethttp serves WebSockets with net/http alone.
//
//	go run ./nethttp
package main

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

func main() { program.Main(serve) }

func serve(ctx context.Context, listener net.Listener) error {
	var registry websocket.Registry
	return program.Serve(ctx, listener, site(&registry), &registry)
}

// site has an ordinary page, and WebSockets at /ws.
func site(registry *websocket.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.Handle("/ws", websocket.Handler(program.Echo, &websocket.AcceptOptions{Registry: registry}))
	return servedBy(mux)
}

// servedBy is middleware that adds a field to each response.
func servedBy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", "nethttp")
		next.ServeHTTP(w, r)
	})
}
