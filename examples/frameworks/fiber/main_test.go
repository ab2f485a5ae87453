package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/etag"
	"github.com/gofiber/fiber/v3/middleware/helmet"
	"github.com/gofiber/fiber/v3/middleware/limiter"
	"github.com/gofiber/fiber/v3/middleware/timeout"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/programtest"
)

func TestTheServerKeepsItsPromises(t *testing.T) { programtest.Check(t, "fiber", serve) }

func TestOriginsOverTLS(t *testing.T) { programtest.CheckTLS(t, serve) }

func TestMiddlewareDoesNotGetInTheWay(t *testing.T) {
	for name, m := range map[string]fiber.Handler{
		"compress": compress.New(),
		"etag":     etag.New(),
		"helmet":   helmet.New(),
		"limiter":  limiter.New(),
		"timeout":  timeout.New(func(c fiber.Ctx) error { return c.Next() }, timeout.Config{Timeout: time.Hour}),
	} {
		t.Run(name, func(t *testing.T) {
			programtest.CheckMiddleware(t, func(ctx context.Context, listener net.Listener) error {
				var registry websocket.Registry
				return serveApp(ctx, listener, site(&registry, m), &registry)
			})
		})
	}
}

func TestAPanicEndsOneConnection(t *testing.T) {
	programtest.CheckPanic(t, func(ctx context.Context, listener net.Listener) error {
		var registry websocket.Registry
		app := fiber.New()
		app.Get("/ws", webSocket(func(context.Context, *websocket.Conn) { panic("as it should") }, websocket.AcceptOptions{
			Registry: &registry,
		}))
		return serveApp(ctx, listener, app, &registry)
	})
}
