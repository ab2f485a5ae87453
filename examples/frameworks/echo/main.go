// Command echo serves WebSockets on a route of Echo.
//
//	go run ./echo
package main

import (
	"context"
	"net"
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

func main() { program.Main(serve) }

func serve(ctx context.Context, listener net.Listener) error {
	var registry websocket.Registry
	return program.Serve(ctx, listener, site(&registry), &registry)
}

// site has an ordinary page, and WebSockets at /ws, behind middleware.
func site(registry *websocket.Registry, more ...echo.MiddlewareFunc) http.Handler {
	e := echo.New()
	e.Use(middleware.RequestLogger(), middleware.Recover(), servedBy)
	e.Use(more...)
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "hello") })
	e.GET("/ws", echo.WrapHandler(websocket.Handler(program.Echo, &websocket.AcceptOptions{Registry: registry})))
	return e
}

// servedBy is middleware that adds a field to each response.
func servedBy(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		c.Response().Header().Set("X-Served-By", "echo")
		return next(c)
	}
}
