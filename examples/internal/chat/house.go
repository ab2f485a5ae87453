// Package chat is the example of that name, less the command: rooms, presence and history that may span processes. The
// command examples/chat keeps them in memory; examples/cluster has brokers for them.
package chat

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/hub"
)

// Page is what a browser gets: all in one, with the client of the hub, which other pages can have as it is.
var Page = bytes.Replace(page, []byte("/* hub.js */"), client, 1)

//go:embed page.html
var page []byte

//go:embed hub.js
var client []byte

// Rooms are the rooms that there are.
var Rooms = []string{"lobby", "kitchen", "library"}

const (
	maxHistory = 50  // messages that a newcomer gets
	maxPeople  = 200 // guests in a room
	// shutdownTime is how long guests have to take what was said and to answer the close frame when the server ends.
	shutdownTime = 4 * time.Second
	// brokerTime is how long a guest waits for the broker.
	brokerTime = 5 * time.Second
)

// Topics of a room: what was said has history, who is typing has none.
const (
	saidTopic   = "said."
	typingTopic = "typing."
)

// Retention is what a broker of the chat has to keep.
func Retention(topic string) hub.Retention {
	if strings.HasPrefix(topic, saidTopic) {
		return hub.Retention{Messages: 500, Age: 24 * time.Hour}
	}
	return hub.Retention{}
}

// Program is the command. dial opens brokers that are elsewhere, and may be nil.
func Program(name string, dial func(url string) (hub.Broker, error)) program.Program {
	var broker hub.Broker
	return program.Program{
		Name: name,
		Addr: "127.0.0.1:9010",
		Flags: func(flags *flag.FlagSet) {
			broker = hub.NewMemory(Retention)
			flags.Func("broker", "where rooms live: memory, or the `URL` of a broker (default memory)", func(url string) (err error) {
				switch {
				case url == "memory":
				case dial == nil:
					err = fmt.Errorf("%s knows memory alone; examples/cluster has the brokers", name)
				default:
					broker, err = dial(url)
				}
				return err
			})
		},
		Open: func() (http.Handler, func()) {
			h := newHouse(broker)
			return h.handler(), h.close
		},
	}
}

// house is all rooms and the guests in them.
type house struct {
	broker hub.Broker
	hub    *hub.Hub
	roster roster
	guests websocket.Registry
}

func newHouse(broker hub.Broker) *house {
	h := &house{broker: broker}
	// A guest who is too slow is closed with 1013: the page comes back and gets what it has missed.
	h.hub = hub.New(&hub.Options{
		Policy:     hub.CloseSlow,
		Broker:     broker,
		Envelope:   hub.JSONEnvelope,
		OnPresence: func(topic string, _ hub.PresenceEvent) { h.roster.changed(topic) },
	})
	h.roster.hub = h.hub
	return h
}

// handler shows the page at / and talks at /ws.
func (h *house) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", websocket.Handler(h.serve, &websocket.AcceptOptions{
		Registry: &h.guests,
		Config: websocket.Config{
			ReadLimit:    16 << 10,
			PingInterval: 20 * time.Second,
			IdleTimeout:  45 * time.Second,
			CloseTimeout: shutdownTime,
		},
	}))
	mux.Handle("GET /{$}", program.Page(Page))
	return mux
}

// serve is the life of one connection.
func (h *house) serve(ctx context.Context, c *websocket.Conn) {
	g := &guest{house: h, c: c}
	code, reason := verdict(g.talk(ctx))
	if code == 0 && c.Err() == nil {
		code, reason = websocket.StatusTryAgainLater, "the broker does not answer"
	}
	if code != 0 {
		c.Close(code, reason)
	}
}

// close sends what was said, tells all guests that the server goes away, and waits for them.
func (h *house) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// These fail only if the time is over; who is left then is cut off.
	_ = h.hub.Shutdown(ctx)
	_ = h.guests.Shutdown(ctx)
	h.roster.work.Wait()
	_ = h.broker.Close()
}
