package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/programtest"
)

func TestTheServerKeepsItsPromises(t *testing.T) { programtest.Check(t, "echo", serve) }

func TestOriginsOverTLS(t *testing.T) { programtest.CheckTLS(t, serve) }

func TestMiddlewareDoesNotGetInTheWay(t *testing.T) {
	for name, m := range map[string]echo.MiddlewareFunc{
		"BodyDump":       middleware.BodyDump(func(*echo.Context, []byte, []byte, error) {}),
		"BodyLimit":      middleware.BodyLimit(1),
		"ContextTimeout": middleware.ContextTimeout(time.Hour),
		"CORS":           middleware.CORS("https://elsewhere.example"),
		"Gzip":           middleware.Gzip(),
		"Secure":         middleware.Secure(),
	} {
		t.Run(name, func(t *testing.T) {
			programtest.CheckMiddleware(t, programtest.Site(func(registry *websocket.Registry) http.Handler {
				return site(registry, m)
			}))
		})
	}
}

func TestAConnectionKnowsItsRoom(t *testing.T) {
	programtest.CheckRoom(t, func(h http.Handler) http.Handler {
		e := echo.New()
		e.GET("/rooms/:room", echo.WrapHandler(h))
		return e
	})
}
