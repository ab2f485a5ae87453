package chat

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
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

// request is what a page sends, besides the envelopes with which it subscribes to the topics of the room that it has joined.
type request struct {
	Type string `json:"type"` // join, say, typing, or alive, which is answered with the same
	Room string `json:"room"` // of join
	Name string `json:"name"` // of join
	ID   string `json:"id"`   // of say: made up by the page, so that it may say the same again if it got no answer
	Text string `json:"text"` // of say
}

// event is what a page gets: in the envelope of the hub if it comes from there, otherwise as it is.
type event struct {
	Type    string   `json:"type"` // rooms, people, said, typing, or alive
	Rooms   []string `json:"rooms,omitempty"`
	Room    string   `json:"room,omitempty"`
	Name    string   `json:"name,omitempty"`    // of typing
	People  []string `json:"people,omitempty"`  // of people
	Message *message `json:"message,omitempty"` // of said
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
	room  string // empty before the first join
	name  string // in the room

	second   time.Time // in which the requests are counted
	requests int
}

// talk answers requests until something is wrong or the connection has ended.
func (g *guest) talk(ctx context.Context) error {
	defer g.leave()
	if err := wsjson.Write(ctx, g.c, event{Type: "rooms", Rooms: Rooms}); err != nil {
		return err
	}
	for {
		typ, data, err := g.c.Read(ctx)
		if err == nil {
			err = g.count(time.Now())
		}
		if err == nil {
			err = g.hear(ctx, typ, data)
		}
		if err != nil {
			return err
		}
	}
}

// hear does what the page asks for.
func (g *guest) hear(ctx context.Context, typ websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, brokerTime)
	defer cancel()
	if i, err := hub.JSONEnvelope.Parse(typ, data); err == nil {
		return g.subscribe(ctx, i)
	}
	var q request
	if typ != websocket.Text || json.Unmarshal(data, &q) != nil {
		return errNonsense
	}
	return g.do(ctx, q)
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
		return g.join(ctx, q)
	case g.room == "":
		return errNonsense
	case q.Type == "say":
		return g.say(ctx, q)
	case q.Type == "typing":
		return g.typing(ctx)
	}
	return errNonsense
}

// join puts the page into a room, of which it hears when it has subscribed to the topics.
func (g *guest) join(ctx context.Context, q request) error {
	name := strings.TrimSpace(q.Name)
	if !slices.Contains(Rooms, q.Room) || name == "" || utf8.RuneCountInString(name) > maxName {
		return errNonsense
	}
	g.leave()
	if n, err := g.house.hub.CountPresent(ctx, saidTopic+q.Room); err != nil || n >= maxPeople {
		return cmp.Or(err, errFull)
	}
	g.room, g.name = q.Room, name
	return nil
}

// subscribe sends what was said since the page was in the room, or the last of it, and everything that happens from now on.
// Whoever hears what is said is there.
func (g *guest) subscribe(ctx context.Context, i hub.Item) error {
	h := g.house.hub
	said := i.Topic == saidTopic+g.room
	if i.Kind == hub.KindSubscribe && (g.room == "" || !said && i.Topic != typingTopic+g.room) {
		return errNonsense
	}
	i.Last = min(i.Last, maxHistory)
	_, err := h.Handle(ctx, g.c, i)
	switch {
	case errors.Is(err, hub.ErrEnvelope), errors.Is(err, hub.ErrSubscribed):
		return errNonsense
	case err != nil || i.Kind != hub.KindSubscribe || !said:
		return err
	}
	return h.Enter(ctx, g.c, i.Topic, hub.Presence{ID: rand.Text(), Value: g.name})
}

// say tells all in the room, also the one who has said it: that is how the page knows that it was said.
func (g *guest) say(ctx context.Context, q request) error {
	text := strings.TrimSpace(q.Text)
	if text == "" || utf8.RuneCountInString(text) > maxText || q.ID == "" || len(q.ID) > maxID {
		return errNonsense
	}
	m := &message{ID: q.ID, Name: g.name, Text: text, At: time.Now().UnixMilli()}
	p, err := wsjson.Prepare(event{Type: "said", Room: g.room, Message: m})
	if err != nil {
		return err
	}
	return g.house.hub.Publish(ctx, saidTopic+g.room, p)
}

// typing tells the others, or nobody who is slow: only the latest of it matters.
func (g *guest) typing(ctx context.Context) error {
	p, err := wsjson.Prepare(event{Type: "typing", Room: g.room, Name: g.name})
	if err != nil {
		return err
	}
	return g.house.hub.PublishLatest(ctx, typingTopic+g.room, g.name, p, g.c)
}

func (g *guest) leave() {
	if g.room != "" {
		g.house.hub.Unsubscribe(g.c, saidTopic+g.room)
		g.house.hub.Unsubscribe(g.c, typingTopic+g.room)
		g.room = ""
	}
}

// verdict returns how to close a connection, or 0 if it has ended.
func verdict(err error) (websocket.StatusCode, string) {
	switch {
	case slices.Contains([]error{errNonsense, errTooMuch}, err):
		return websocket.StatusPolicyViolation, err.Error()
	case errors.Is(err, errFull), errors.Is(err, websocket.ErrQueueFull):
		return websocket.StatusTryAgainLater, err.Error()
	case errors.Is(err, hub.ErrShutdown):
		return websocket.StatusGoingAway, ""
	}
	return 0, ""
}
