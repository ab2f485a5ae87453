package main

import (
	"net/http"
	"testing"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/programtest"
)

func TestTheServerKeepsItsPromises(t *testing.T) { programtest.Check(t, "gin", serve) }

func TestOriginsOverTLS(t *testing.T) { programtest.CheckTLS(t, serve) }

func TestMiddlewareDoesNotGetInTheWay(t *testing.T) {
	for name, m := range map[string]gin.HandlerFunc{
		"gzip": gzip.Gzip(gzip.DefaultCompression),
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
		r := gin.New()
		r.GET("/rooms/:room", func(c *gin.Context) {
			c.Request.SetPathValue("room", c.Param("room"))
			h.ServeHTTP(c.Writer, c.Request)
		})
		return r
	})
}
