package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/programtest"
)

func TestTheServerKeepsItsPromises(t *testing.T) { programtest.Check(t, "chi", serve) }

func TestOriginsOverTLS(t *testing.T) { programtest.CheckTLS(t, serve) }

func TestMiddlewareDoesNotGetInTheWay(t *testing.T) {
	for name, m := range map[string]func(http.Handler) http.Handler{
		"Compress":    middleware.Compress(5),
		"GetHead":     middleware.GetHead,
		"RequestSize": middleware.RequestSize(1),
		"Throttle":    middleware.Throttle(1),
		"Timeout":     middleware.Timeout(time.Hour),
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
		r := chi.NewRouter()
		r.Method(http.MethodGet, "/rooms/{room}", h)
		return r
	})
}
