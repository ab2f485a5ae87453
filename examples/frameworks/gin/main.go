// Command gin serves WebSockets on a route of Gin.
//
//	go run ./gin
package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

func main() { program.Main(serve) }

func serve(ctx context.Context, listener net.Listener) error {
	var registry websocket.Registry
	return program.Serve(ctx, listener, site(&registry), &registry)
}

// site has an ordinary page, and WebSockets at /ws, behind middleware.
func site(registry *websocket.Registry, more ...gin.HandlerFunc) http.Handler {
	r := gin.New()
	r.Use(gin.Logger(), gin.Recovery(), servedBy)
	r.Use(more...)
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	r.GET("/ws", gin.WrapH(websocket.Handler(program.Echo, &websocket.AcceptOptions{Registry: registry})))
	return r
}

// servedBy is middleware that adds a field to each response.
func servedBy(c *gin.Context) { c.Header("X-Served-By", "gin") }
