package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed60239977/websocket"
	common "github.com/seed60239977/websocket/examples/internal/program"
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
	if o.engine == nil {
		o.engine = &common.Engine{}
	}
	return &server{options: o, hub: hub.New(&hub.Options{SlowCode: websocket.StatusPolicyViolation})}
}

// handler upgrades requests for a WebSocket on every path, and shows the page to everybody else.
func (s *server) handler() http.Handler {
	o := &websocket.AcceptOptions{
		Registry:     &s.connections,
		Subprotocols: []string{"echo.v1"},
		Deflate:      s.options.deflate,
		Config: websocket.Config{
			ReadLimit:    s.options.maxMessage,
			CloseTimeout: shutdownTime,
		},
	}
	upgrade := websocket.Handler(s.serve, o)
	if loop := s.options.engine.Loop; loop != nil {
		upgrade = loop.Handler(websocket.Events{Open: s.open, Message: s.answer}, o)
	}
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

// serve is the life of one connection that has a goroutine. An event loop calls the same two functions.
func (s *server) serve(ctx context.Context, c *websocket.Conn) {
	s.open(ctx, c)
	// Serve returns when the connection has ended; the peer has been told why.
	_ = c.Serve(ctx, s.answer)
}

// open is called for each new connection.
func (s *server) open(_ context.Context, c *websocket.Conn) {
	if s.options.broadcast && s.hub.Subscribe(c, everybody) != nil { // the server is going away
		_ = c.SendClose(websocket.StatusGoingAway, "") // or the connection has ended
	}
}

// answer is called for each message.
func (s *server) answer(c *websocket.Conn, m websocket.Message) error {
	if s.options.broadcast {
		return s.hub.Publish(context.Background(), everybody, websocket.Prepare(m.Type, m.Data))
	}
	return c.Write(context.Background(), m.Type, m.Data)
}

// close sends what was broadcast, tells every client that the server goes away, and waits for them.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only when the time is up; whoever is left then is cut off.
	_ = s.hub.Shutdown(ctx)
	_ = s.connections.Shutdown(ctx)
	s.options.engine.Stop(ctx)
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
