// Command client is what runs in the page of examples/browser: a chat client in Go, compiled for js/wasm. This file talks to the
// server, and page_js.go to the page.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/reconnect"
	"github.com/seed60239977/websocket/wsjson"
)

// room is the one room of this page; the server has others.
const room = "lobby"

// The link is given up when the server has not answered for so long. It is asked three times meanwhile, by a message, since
// a browser does not let programs send pings.
const patience = 30 * time.Second

// position is how much of the room the page has.
type position struct {
	Epoch  uint64 `json:"epoch,omitempty"`
	Offset uint64 `json:"offset,omitempty"`
}

// request is what the page sends.
type request struct {
	Type string `json:"type"` // join, say or alive
	Room string `json:"room,omitempty"`
	Name string `json:"name,omitempty"`
	ID   string `json:"id,omitempty"`
	Text string `json:"text,omitempty"`
}

// subscription asks for what is said in a room, from a position on, or the last of it. docs/scaling.md describes that.
type subscription struct {
	position
	Topic string `json:"subscribe"`
	Last  int    `json:"last"`
}

// event is what it gets: as it is, or as the data of an envelope with a position.
type event struct {
	position
	Recovered *bool    `json:"recovered"` // of the answer to a subscription
	Data      *event   `json:"data"`
	People    []string `json:"people"`
	Message   *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Text string `json:"text"`
	} `json:"message"`
}

// chat is the state of the page.
type chat struct {
	page page

	mu      sync.Mutex
	c       *websocket.Conn // nil while there is none
	name    string
	in      bool      // all that was missed has come
	since   position  // where to go on after a lost connection
	newest  position  // of what has come
	pending []request // what was said and has not come back
	shown   map[string]bool
}

func main() {
	h := &chat{page: newPage(), shown: map[string]bool{}}
	h.page.onSubmit("who", "name", h.enter)
	h.page.onSubmit("say", "text", h.say)
	url := strings.Replace(js.Global().Get("location").Get("origin").String(), "http", "ws", 1) + "/ws"
	o := &websocket.DialOptions{Config: websocket.Config{IdleTimeout: patience}}
	err := reconnect.Run(context.Background(), reconnect.To(url, o), h.serve, &reconnect.Options{
		OnWait: func(_ error, wait time.Duration) time.Duration {
			h.page.state(fmt.Sprintf("not connected, next try in %.0f s", wait.Seconds()+.5), false)
			return wait
		},
	})
	h.page.state("closed: "+err.Error(), false)
}

// serve is the life of one connection.
func (h *chat) serve(ctx context.Context, c *websocket.Conn) error {
	h.connected(c)
	defer h.connected(nil)
	go h.keepAsking(ctx)
	for {
		e, err := wsjson.Read[event](ctx, c)
		if err != nil {
			return err
		}
		h.came(&e)
	}
}

// keepAsking asks the server whether it is there.
func (h *chat) keepAsking(ctx context.Context) {
	tick := time.NewTicker(patience / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.mu.Lock()
			h.send(request{Type: "alive"})
			h.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// connected takes the connection of now, or nil for none.
func (h *chat) connected(c *websocket.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.c, h.in = c, false
	if c != nil {
		h.page.state("connected", true)
		h.join()
	}
}

// join enters the room. The caller holds mu.
func (h *chat) join() {
	h.page.show("who", h.name == "")
	h.page.show("say", h.name != "")
	if h.name != "" {
		h.send(request{Type: "join", Room: room, Name: h.name})
		h.send(subscription{h.since, "said." + room, 50})
	}
}

// send sends a request, or nothing without a connection: then it is sent after the next one has come. It is called in the
// page's events, so it must not wait. The caller holds mu.
func (h *chat) send(q any) {
	if h.c == nil {
		return
	}
	if p, err := wsjson.Prepare(q); err == nil {
		_ = h.c.SendPrepared(p) // what fails ends the connection, and serve says so
	}
}

// enter is called when the guest has said a name.
func (h *chat) enter(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.name = name
	h.join()
	h.page.focus("text")
}

// say is called when the guest says something.
func (h *chat) say(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pending) == 20 { // as many as the server takes at once
		return
	}
	q := request{Type: "say", ID: rand.Text(), Text: text}
	h.pending = append(h.pending, q)
	h.page.line(q.ID, h.name, q.Text, true)
	if h.in {
		h.send(q)
	}
}

// came takes what the server says.
func (h *chat) came(e *event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Epoch != 0 {
		h.newest = e.position
	}
	if e.Recovered != nil {
		h.in = true
		for _, q := range h.pending {
			h.send(q)
		}
	}
	if h.in { // else, who has a part of what was missed would not be told of the rest
		h.since = h.newest
	}
	if e = e.Data; e == nil {
		return
	}
	if e.People != nil {
		h.page.people(e.People)
	}
	if e.Message != nil {
		h.said(e.Message.ID, e.Message.Name, e.Message.Text)
	}
}

// said shows a message, once. The caller holds mu.
func (h *chat) said(id, name, text string) {
	for i, q := range h.pending {
		if q.ID == id {
			h.pending = append(h.pending[:i:i], h.pending[i+1:]...)
			break
		}
	}
	if !h.shown[id] {
		h.shown[id] = true
		h.page.line(id, name, text, false)
	}
}
