package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/seed60239977/websocket"
)

//go:embed page.html
var page []byte

// clients are the connections of a server, so that a message can be sent to all of them and all can be told that the
// server goes away.
type clients struct {
	options options

	mu    sync.Mutex
	open  map[*websocket.Conn]struct{}
	ended bool
	all   sync.WaitGroup // one for each in open
}

func newClients(o options) *clients {
	return &clients{options: o, open: map[*websocket.Conn]struct{}{}}
}

// handler upgrades requests for a WebSocket on every path, and shows the page to everybody else.
func (cs *clients) handler() http.Handler {
	upgrade := websocket.Handler(cs.serve, &websocket.AcceptOptions{
		Subprotocols: []string{"echo.v1"},
		Deflate:      cs.options.deflate,
		Config: websocket.Config{
			ReadLimit:    cs.options.maxMessage,
			CloseTimeout: shutdownTime,
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
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
func (cs *clients) serve(ctx context.Context, c *websocket.Conn) {
	if !cs.add(c) {
		c.Close(websocket.StatusGoingAway, "server is going away")
		return
	}
	defer cs.remove(c)
	answer := func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) }
	if cs.options.broadcast {
		answer = func(_ *websocket.Conn, m websocket.Message) error {
			cs.sendAll(m)
			return nil
		}
	}
	// Serve returns when the connection has ended; the peer has been told why.
	_ = c.Serve(ctx, answer)
}

// sendAll sends a message to every connection. One that is too slow to take it is closed: nobody waits for it.
func (cs *clients) sendAll(m websocket.Message) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if err := c.Send(m.Type, m.Data); err == websocket.ErrQueueFull {
			cs.all.Go(func() { c.Close(websocket.StatusPolicyViolation, "too slow") })
		}
	}
}

func (cs *clients) add(c *websocket.Conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.ended {
		return false
	}
	cs.open[c] = struct{}{}
	cs.all.Add(1)
	return true
}

func (cs *clients) remove(c *websocket.Conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
	cs.all.Done()
}

// goAway closes all connections with 1001 and waits until they have ended.
func (cs *clients) goAway() {
	cs.mu.Lock()
	cs.ended = true
	for c := range cs.open {
		cs.all.Go(func() { c.Close(websocket.StatusGoingAway, "server is going away") })
	}
	cs.mu.Unlock()
	cs.all.Wait()
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
