package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/frameworks/internal/programtest"
)

func TestTheServerKeepsItsPromises(t *testing.T) { programtest.Check(t, "nethttp", serve) }

func TestOriginsOverTLS(t *testing.T) { programtest.CheckTLS(t, serve) }

func TestTheTimeoutHandlerGetsInTheWay(t *testing.T) {
	programtest.CheckRefused(t, programtest.Site(func(registry *websocket.Registry) http.Handler {
		return http.TimeoutHandler(site(registry), time.Hour, "")
	}))
}
