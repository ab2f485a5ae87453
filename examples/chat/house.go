package main

import (
	"context"
	_ "embed"
	"net/http"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

//go:embed page.html
var page []byte

// names are the rooms that there are.
var names = []string{"lobby", "kitchen", "library"}

// house is all rooms and the guests in them.
type house struct {
	hub    *hub.Hub // a topic for each room
	guests websocket.Registry
	rooms  map[string]*room
}

func newHouse() *house {
	// A guest who is too slow is closed with 1013: the page comes back and gets the history, so that nothing is missing.
	h := &house{hub: hub.New(&hub.Options{Policy: hub.CloseSlow}), rooms: map[string]*room{}}
	for _, name := range names {
		h.rooms[name] = &room{name: name, hub: h.hub, people: map[*websocket.Conn]string{}}
	}
	return h
}

// handler shows the page at / and talks at /ws.
func (h *house) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /ws", websocket.Handler(h.serve, &websocket.AcceptOptions{
		Registry: &h.guests,
		Config: websocket.Config{
			ReadLimit:    16 << 10,
			PingInterval: 20 * time.Second,
			IdleTimeout:  45 * time.Second,
			CloseTimeout: shutdownTime,
		},
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; "+
			"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Write(page)
	})
	return mux
}

// serve is the life of one connection.
func (h *house) serve(ctx context.Context, c *websocket.Conn) {
	g := &guest{house: h, c: c}
	if code, reason := verdict(g.talk(ctx)); code != 0 {
		c.Close(code, reason)
	}
}

// close sends what was said, tells all guests that the server goes away, and waits for them.
func (h *house) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only if the time is over; who is left then is cut off.
	_ = h.hub.Shutdown(ctx)
	_ = h.guests.Shutdown(ctx)
}
