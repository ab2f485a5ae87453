// Command chi serves WebSockets on a route of chi.
//
//	go run ./chi
package main

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

func main() { program.Main(serve) }

func serve(ctx context.Context, listener net.Listener) error {
	var registry websocket.Registry
	return program.Serve(ctx, listener, site(&registry), &registry)
}

// site has an ordinary page, and WebSockets at /ws, behind middleware.
func site(registry *websocket.Registry, more ...func(http.Handler) http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Logger, middleware.Recoverer, middleware.SetHeader("X-Served-By", "chi"))
	r.Use(more...)
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	r.Method(http.MethodGet, "/ws", websocket.Handler(program.Echo, &websocket.AcceptOptions{Registry: registry}))
	return r
}
