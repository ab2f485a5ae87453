package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/hub"
)

//go:embed page.html
var page []byte

const (
	topic        = "arena"
	interval     = time.Second / ticksPerSecond
	maxPerSecond = 150 // messages of one page, which sends 30 and after a pause a few more
)

// arena is the game and everybody who plays or watches. Only run publishes, so that nothing overtakes anything.
type arena struct {
	loop   *websocket.Loop // drives connections; nil if each has a goroutine
	hub    *hub.Hub
	people websocket.Registry
	late   func(time.Duration) // if not nil, hears how late each tick was sent

	mu    sync.Mutex
	world *world
	owner map[*player]*connection // of those who are present
	pages map[*websocket.Conn]*connection
	state *websocket.Prepared // of the last tick
	names *websocket.Prepared
	stale bool   // names are
	buf   []byte // for a state
}

// connection is one page.
type connection struct {
	c      *websocket.Conn
	player *player // nil for one who watches

	second   time.Time // in which the messages are counted
	messages int
}

func newArena(w *world) *arena {
	// Everything that is published is a value of which only the latest matters, so no queue is ever full.
	a := &arena{hub: hub.New(nil), world: w, owner: map[*player]*connection{},
		pages: map[*websocket.Conn]*connection{}, stale: true}
	a.encode()
	return a
}

// encode makes the messages of a tick. The caller holds mu, or is the only one there is.
func (a *arena) encode() (renamed bool) {
	a.buf = a.world.appendState(a.buf[:0])
	a.state = websocket.Prepare(websocket.Binary, a.buf)
	if renamed = a.stale; renamed {
		a.names, a.stale = websocket.Prepare(websocket.Binary, a.world.names()), false
	}
	return renamed
}

// run plays until ctx ends. A tick that is late is not made up for: the game slows down instead of jumping.
func (a *arena) run(ctx context.Context) {
	due := time.Now().Add(interval)
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if a.tick() != nil { // the hub is shut down
			return
		}
		if a.late != nil {
			a.late(time.Since(due))
		}
		due = due.Add(interval)
		if now := time.Now(); due.Before(now) {
			due = now
		}
		timer.Reset(time.Until(due))
	}
}

// tick is one step of the game, for all to see.
func (a *arena) tick() error {
	a.mu.Lock()
	if a.world.step() {
		a.stale = true
	}
	renamed := a.encode()
	state, names := a.state, a.names
	a.mu.Unlock()
	if renamed {
		if err := a.hub.PublishLatest(context.Background(), topic, "names", names, nil); err != nil {
			return err
		}
	}
	return a.hub.PublishLatest(context.Background(), topic, "state", state, nil)
}

// handler shows the page at / and plays at /ws.
func (a *arena) handler() http.Handler {
	mux := http.NewServeMux()
	o := &websocket.AcceptOptions{
		Registry: &a.people,
		Config: websocket.Config{
			ReadLimit:    maxMessage,
			PingInterval: 20 * time.Second,
			IdleTimeout:  45 * time.Second,
			CloseTimeout: shutdownTime,
		},
	}
	if a.loop != nil {
		mux.Handle("/ws", a.loop.Handler(websocket.Events{Open: a.open, Message: a.message, Close: a.ended}, o))
	} else {
		mux.Handle("/ws", websocket.Handler(a.serve, o))
	}
	mux.Handle("GET /{$}", program.Page(page))
	return mux
}

// errTooMuch is why a connection is closed, like errNonsense.
var errTooMuch = errors.New("too much at once")

// serve is the life of one connection that has a goroutine.
func (a *arena) serve(ctx context.Context, c *websocket.Conn) {
	a.open(ctx, c)
	a.ended(c, c.Serve(ctx, a.message))
}

// open is called for a new connection, whatever drives it.
func (a *arena) open(_ context.Context, c *websocket.Conn) {
	if err := a.enter(c); err != nil {
		dismiss(c, err)
	}
}

// message is called for each message of a page.
func (a *arena) message(c *websocket.Conn, m websocket.Message) error {
	a.mu.Lock()
	p := a.pages[c]
	a.mu.Unlock()
	if p == nil {
		return nil // it did not get in
	}
	err := p.count(time.Now())
	if err == nil {
		err = a.do(p, m)
	}
	if err != nil {
		dismiss(c, err)
	}
	return nil
}

// dismiss closes a connection, unless the error is that it has ended.
func dismiss(c *websocket.Conn, err error) {
	switch { // SendClose fails if it is closing already
	case errors.Is(err, errNonsense), errors.Is(err, errTooMuch):
		_ = c.SendClose(websocket.StatusPolicyViolation, err.Error())
	case errors.Is(err, hub.ErrShutdown):
		_ = c.SendClose(websocket.StatusGoingAway, "")
	}
}

// ended leaves the player of a connection in the game, for a while.
func (a *arena) ended(c *websocket.Conn, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.pages[c]; p != nil {
		a.release(p)
		delete(a.pages, c)
	}
}

// count keeps one page from flooding the server.
func (p *connection) count(now time.Time) error {
	if now.Sub(p.second) >= time.Second {
		p.second, p.messages = now, 0
	}
	if p.messages++; p.messages > maxPerSecond {
		return errTooMuch
	}
	return nil
}

func (a *arena) do(p *connection, m websocket.Message) error {
	q, err := parse(m.Data)
	switch {
	case err != nil:
		return err
	case m.Type != websocket.Binary:
		return errNonsense
	case q.kind == kindAlive:
		return reply(p.c, m.Data)
	case q.kind == kindJoin:
		return reply(p.c, binary.BigEndian.AppendUint16([]byte{kindWelcome}, a.join(p, q)))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case p.player == nil: // it watches, or its player goes on elsewhere
	case q.kind == kindInput:
		a.world.input(p.player, q.input)
	default:
		a.world.leave(p.player)
		delete(a.owner, p.player)
		p.player, a.stale = nil, true
	}
	return nil
}

// reply answers a page. One that is too slow even for that goes without.
func reply(c *websocket.Conn, data []byte) error {
	if err := c.Send(websocket.Binary, data); !errors.Is(err, websocket.ErrQueueFull) {
		return err
	}
	return nil
}

// enter gives c the names, the state, and those of every tick from now on.
func (a *arena) enter(c *websocket.Conn) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range []*websocket.Prepared{a.names, a.state} {
		if err := c.SendPrepared(m); err != nil {
			return err
		}
	}
	if err := a.hub.Subscribe(c, topic); err != nil {
		return err
	}
	a.pages[c] = &connection{c: c}
	return nil
}

// join makes a page play. It returns the id of its player, or 0 if there is no room.
func (a *arena) join(p *connection, q request) uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.release(p)
	p.player = a.world.join(q.token, q.name)
	if p.player == nil {
		return 0
	}
	if old := a.owner[p.player]; old != nil {
		old.player = nil
		_ = old.c.SendClose(websocket.StatusPolicyViolation, "you play in another tab") // or it has ended
	}
	a.owner[p.player] = p
	a.stale = true
	return p.player.id
}

// release leaves the player of a connection alone. The caller holds mu.
func (a *arena) release(p *connection) {
	if p.player != nil {
		p.player.present = false
		delete(a.owner, p.player)
		p.player = nil
	}
}

// close tells everybody that the server goes away, and waits for them.
func (a *arena) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only when the time is up; whoever is left then is cut off.
	_ = a.hub.Shutdown(ctx)
	_ = a.people.Shutdown(ctx)
}
