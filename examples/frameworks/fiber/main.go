// Command fiber serves WebSockets on a route of Fiber, which is on fasthttp and not on net/http.
//
//	go run ./fiber
package main

import (
	"context"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

func main() { program.Main(serve) }

func serve(ctx context.Context, listener net.Listener) error {
	var registry websocket.Registry
	return serveApp(ctx, listener, site(&registry), &registry)
}

// serveApp serves app on listener until ctx ends. Then it closes the connections that registry knows of, and waits for them.
func serveApp(ctx context.Context, listener net.Listener, app *fiber.App, registry *websocket.Registry) error {
	failed := make(chan error, 1)
	go func() { failed <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := app.ShutdownWithContext(ctx) // no more requests
	<-failed
	if ended := registry.Shutdown(ctx); err == nil { // no more connections
		err = ended
	}
	return err
}

// site has an ordinary page, and WebSockets at /ws, behind middleware.
func site(registry *websocket.Registry, more ...fiber.Handler) *fiber.App {
	app := fiber.New(fiber.Config{ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second})
	app.Use(logger.New(), recover.New(), servedBy)
	for _, m := range more {
		app.Use(m)
	}
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("hello") })
	app.Get("/ws", webSocket(program.Echo, websocket.AcceptOptions{Registry: registry}))
	return app
}

// servedBy is middleware that adds a field to each response.
func servedBy(c fiber.Ctx) error {
	c.Set("X-Served-By", "fiber")
	return c.Next()
}
