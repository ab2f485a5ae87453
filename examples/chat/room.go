package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

const (
	maxHistory = 50  // messages that a room remembers
	maxPeople  = 200 // guests in a room
)

// room is where guests hear each other.
type room struct {
	name string
	hub  *hub.Hub

	// mu is held while something is published, and while a newcomer gets the history and is subscribed: so nothing is
	// missing between the two, and nothing comes twice. The hub waits for nobody, so it is held for a moment only.
	mu      sync.Mutex
	history []message
	people  map[*websocket.Conn]string
}

// enter gives c the history and everything that happens from now on.
func (r *room) enter(c *websocket.Conn, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.people) >= maxPeople {
		return errFull
	}
	r.people[c] = name
	before, err := wsjson.Prepare(event{Type: "room", Room: r.name, People: r.present(), Messages: r.history})
	if err != nil {
		return err
	}
	if err := c.SendPrepared(before); err != nil {
		return err
	}
	if err := r.hub.Subscribe(c, r.name); err != nil {
		return err
	}
	return r.publish(event{Type: "people", People: r.present()}, c)
}

// leave is the opposite of enter. What the others are not told because the server ends does not matter.
func (r *room) leave(c *websocket.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub.Unsubscribe(c, r.name)
	delete(r.people, c)
	_ = r.publish(event{Type: "people", People: r.present()}, nil)
}

// say adds m to the history and tells it to all, also to the one who has said it. A message that is there already was
// said by a page that had not heard of it before its connection was lost.
func (r *room) say(c *websocket.Conn, m message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.history, func(old message) bool { return old.ID == m.ID }) {
		return nil
	}
	m.Name = r.people[c]
	r.history = append(r.history, m)
	if over := len(r.history) - maxHistory; over > 0 {
		r.history = slices.Delete(r.history, 0, over)
	}
	return r.publish(event{Type: "said", Messages: []message{m}}, nil)
}

// typing tells the others that c is typing, or nobody who is slow: only the latest of it matters.
func (r *room) typing(c *websocket.Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.people[c]
	p, err := wsjson.Prepare(event{Type: "typing", Room: r.name, Name: name})
	if err != nil {
		return err
	}
	return r.hub.PublishLatest(context.Background(), r.name, name, p, c)
}

// publish tells all guests but one, which may be nil. The caller holds mu.
func (r *room) publish(e event, except *websocket.Conn) error {
	e.Room = r.name
	p, err := wsjson.Prepare(e)
	if err != nil {
		return err
	}
	return r.hub.PublishExcept(context.Background(), r.name, p, except)
}

// present returns the names of all guests. The caller holds mu.
func (r *room) present() []string {
	return slices.Compact(slices.Sorted(maps.Values(r.people)))
}
