package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// Limits of what a guest may say.
const (
	maxName      = 30   // characters
	maxText      = 2000 // characters
	maxID        = 40   // bytes
	maxPerSecond = 30   // requests
)

// request is what a page sends.
type request struct {
	Type string `json:"type"` // join, say, typing, or alive, which is answered with the same
	Room string `json:"room"` // of join
	Name string `json:"name"` // of join
	ID   string `json:"id"`   // of say: made up by the page, so that it may say the same again if it got no answer
	Text string `json:"text"` // of say
}

// event is what a page gets.
type event struct {
	Type     string    `json:"type"` // rooms, room, people, said, typing, or alive
	Rooms    []string  `json:"rooms,omitempty"`
	Room     string    `json:"room,omitempty"`
	Name     string    `json:"name,omitempty"`     // of typing
	People   []string  `json:"people,omitempty"`   // of room and people
	Messages []message `json:"messages,omitempty"` // of room (the history) and said
}

// message is something that was said.
type message struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"` // milliseconds since 1970
}

// Why a connection is closed.
var (
	errNonsense = errors.New("this is not what the page sends")
	errTooMuch  = errors.New("too much at once")
	errFull     = errors.New("the room is full")
)

// guest is one connection.
type guest struct {
	house *house
	c     *websocket.Conn
	room  *room // nil before the first join

	second   time.Time // in which the requests are counted
	requests int
}

// talk answers requests until something is wrong or the connection has ended.
func (g *guest) talk(ctx context.Context) error {
	defer g.leave()
	if err := wsjson.Write(ctx, g.c, event{Type: "rooms", Rooms: names}); err != nil {
		return err
	}
	for {
		q, err := wsjson.Read[request](ctx, g.c)
		if err == nil {
			err = g.count(time.Now())
		}
		if err == nil {
			err = g.do(ctx, q)
		}
		if err != nil {
			return err
		}
	}
}

// count keeps one guest from flooding the others.
func (g *guest) count(now time.Time) error {
	if now.Sub(g.second) >= time.Second {
		g.second, g.requests = now, 0
	}
	g.requests++
	if g.requests > maxPerSecond {
		return errTooMuch
	}
	return nil
}

func (g *guest) do(ctx context.Context, q request) error {
	switch {
	case q.Type == "alive":
		return wsjson.Write(ctx, g.c, event{Type: "alive"})
	case q.Type == "join":
		return g.join(q)
	case g.room == nil:
		return errNonsense
	case q.Type == "say":
		return g.say(q)
	case q.Type == "typing":
		return g.room.typing(g.c)
	}
	return errNonsense
}

func (g *guest) join(q request) error {
	to, name := g.house.rooms[q.Room], strings.TrimSpace(q.Name)
	if to == nil || name == "" || utf8.RuneCountInString(name) > maxName {
		return errNonsense
	}
	g.leave()
	g.room = to
	return to.enter(g.c, name)
}

func (g *guest) say(q request) error {
	text := strings.TrimSpace(q.Text)
	if text == "" || utf8.RuneCountInString(text) > maxText || q.ID == "" || len(q.ID) > maxID {
		return errNonsense
	}
	return g.room.say(g.c, message{ID: q.ID, Text: text, At: time.Now().UnixMilli()})
}

func (g *guest) leave() {
	if g.room != nil {
		g.room.leave(g.c)
		g.room = nil
	}
}

// verdict returns how to close a connection, or 0 if it has ended.
func verdict(err error) (websocket.StatusCode, string) {
	var notJSON *wsjson.DecodeError
	switch {
	case errors.As(err, &notJSON):
		return websocket.StatusPolicyViolation, errNonsense.Error()
	case slices.Contains([]error{errNonsense, errTooMuch}, err):
		return websocket.StatusPolicyViolation, err.Error()
	case errors.Is(err, errFull), errors.Is(err, websocket.ErrQueueFull):
		return websocket.StatusTryAgainLater, err.Error()
	case errors.Is(err, hub.ErrShutdown):
		return websocket.StatusGoingAway, ""
	}
	return 0, ""
}
