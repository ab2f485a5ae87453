package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

//go:embed page.html
var page []byte

// everybody is the hub's topic for -mode broadcast.
const everybody = "everybody"

// server is what answers requests. The registry knows every connection, so that all can be told that the server goes
// away; the hub sends a message to all of them.
type server struct {
	options     options
	connections websocket.Registry
	hub         *hub.Hub
}

func newServer(o options) *server {
	return &server{options: o, hub: hub.New(&hub.Options{SlowCode: websocket.StatusPolicyViolation})}
}

// handler upgrades requests for a WebSocket on every path, and shows the page to everybody else.
func (s *server) handler() http.Handler {
	upgrade := websocket.Handler(s.serve, &websocket.AcceptOptions{
		Registry:     &s.connections,
		Subprotocols: []string{"echo.v1"},
		Deflate:      s.options.deflate,
		Config: websocket.Config{
			ReadLimit:    s.options.maxMessage,
			CloseTimeout: shutdownTime,
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrades := r.Header.Get("Upgrade") != "" || strings.EqualFold(r.Header.Get("Connection"), "upgrade")
		if upgrades || r.Method == http.MethodConnect { // in HTTP/1.1, or in HTTP/2
			upgrade.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
}

// serve is the life of one connection.
func (s *server) serve(ctx context.Context, c *websocket.Conn) {
	answer := func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) }
	if s.options.broadcast {
		if s.hub.Subscribe(c, everybody) != nil { // the server is going away
			c.Close(websocket.StatusGoingAway, "")
			return
		}
		answer = func(_ *websocket.Conn, m websocket.Message) error {
			return s.hub.Publish(ctx, everybody, websocket.Prepare(m.Type, m.Data))
		}
	}
	// Serve returns when the connection has ended; the peer has been told why.
	_ = c.Serve(ctx, answer)
}

// close sends what was broadcast, tells every client that the server goes away, and waits for them.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only when the time is up; whoever is left then is cut off.
	_ = s.hub.Shutdown(ctx)
	_ = s.connections.Shutdown(ctx)
}

// compression returns the options that -compress stands for.
func compression(mode string) (*websocket.DeflateOptions, error) {
	var o websocket.DeflateOptions
	switch mode {
	case "off":
		return nil, nil
	case "notakeover":
		o.Outgoing.NoContextTakeover = true
		o.Incoming.NoContextTakeover = true
	case "takeover":
	default:
		return nil, fmt.Errorf("-compress is off, notakeover or takeover, not %q", mode)
	}
	return &o, nil
}
