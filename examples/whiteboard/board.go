package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/hub"
)

//go:embed page.html
var page []byte

const (
	topic    = "board"
	maxBoard = 1 << 20 // bytes of all strokes; the oldest ones fade
)

// board is the drawing and the people at it.
type board struct {
	hub    *hub.Hub
	people websocket.Registry

	mu      sync.Mutex // held while publishing, and while a newcomer gets the board and is subscribed
	strokes [][]byte
	size    int                 // of strokes, in bytes
	ids     map[uint64]struct{} // of strokes
	whole   *websocket.Prepared // all strokes in one message; nil once it is out of date
	last    uint32              // person that came
}

func newBoard() *board {
	// A page that is too slow even for strokes is closed with 1013. It comes back and gets the board.
	return &board{hub: hub.New(&hub.Options{Policy: hub.CloseSlow}), ids: map[uint64]struct{}{}}
}

// handler shows the page at / and draws at /ws.
func (b *board) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", websocket.Handler(b.serve, &websocket.AcceptOptions{
		Registry: &b.people,
		Config: websocket.Config{
			ReadLimit:    strokeHeader + 4*maxPoints,
			PingInterval: 20 * time.Second,
			IdleTimeout:  45 * time.Second,
			CloseTimeout: shutdownTime,
		},
	}))
	mux.Handle("GET /{$}", program.Page(page))
	return mux
}

// serve is the life of one connection.
func (b *board) serve(ctx context.Context, c *websocket.Conn) {
	err := b.draw(ctx, c)
	switch {
	case errors.Is(err, errNonsense):
		c.Close(websocket.StatusPolicyViolation, err.Error())
	case errors.Is(err, hub.ErrShutdown):
		c.Close(websocket.StatusGoingAway, "")
	}
}

// draw does what a page says until something is wrong or the connection has ended.
func (b *board) draw(ctx context.Context, c *websocket.Conn) error {
	person, err := b.enter(c)
	defer b.leave(c, person)
	for err == nil {
		var m websocket.Message
		if m.Type, m.Data, err = c.Read(ctx); err == nil {
			err = b.do(ctx, c, person, m)
		}
	}
	return err
}

func (b *board) do(ctx context.Context, c *websocket.Conn, person uint32, m websocket.Message) error {
	kind, err := check(m.Data)
	if err == nil && m.Type != websocket.Binary {
		err = errNonsense
	}
	switch {
	case err != nil:
		return err
	case kind == kindAlive:
		return c.Write(ctx, websocket.Binary, m.Data)
	case kind == kindCursor:
		return b.point(c, person, m.Data)
	case kind == kindClear:
		return b.clear(m.Data)
	}
	return b.add(m.Data)
}

// enter gives c the board and everything that happens from now on.
func (b *board) enter(c *websocket.Conn) (person uint32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	if b.whole == nil {
		b.whole = websocket.Prepare(websocket.Binary, b.message())
	}
	if err := c.SendPrepared(b.whole); err != nil { // it is the first message, so there is room, however long it is
		return b.last, err
	}
	return b.last, b.hub.Subscribe(c, topic)
}

// message returns all of the board. The caller holds mu.
func (b *board) message() []byte {
	m := make([]byte, 1, 1+b.size+2*len(b.strokes))
	m[0] = kindBoard
	for _, s := range b.strokes {
		m = binary.BigEndian.AppendUint16(m, uint16(len(s)))
		m = append(m, s...)
	}
	return m
}

func (b *board) leave(c *websocket.Conn, person uint32) {
	b.hub.Remove(c)
	gone := binary.BigEndian.AppendUint32([]byte{kindGone}, person)
	_ = b.hub.Publish(context.Background(), topic, websocket.Prepare(websocket.Binary, gone)) // the server may be ending
}

// add puts a stroke on the board, for all to see. If it is there already, a page has sent it again: its connection was
// lost before the stroke came back.
func (b *board) add(stroke []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.ids[strokeID(stroke)]; there {
		return nil
	}
	b.ids[strokeID(stroke)] = struct{}{}
	b.strokes = append(b.strokes, stroke)
	b.size += len(stroke)
	for b.size > maxBoard {
		delete(b.ids, strokeID(b.strokes[0]))
		b.size -= len(b.strokes[0])
		b.strokes = slices.Delete(b.strokes, 0, 1)
	}
	b.whole = nil
	return b.hub.Publish(context.Background(), topic, websocket.Prepare(websocket.Binary, stroke))
}

// clear empties the board.
func (b *board) clear(message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strokes, b.size, b.whole = nil, 0, nil
	clear(b.ids)
	return b.hub.Publish(context.Background(), topic, websocket.Prepare(websocket.Binary, message))
}

// point tells the others where somebody points: for each person, only the latest matters.
func (b *board) point(c *websocket.Conn, person uint32, message []byte) error {
	p := websocket.Prepare(websocket.Binary, binary.BigEndian.AppendUint32(message, person))
	return b.hub.PublishLatest(context.Background(), topic, strconv.FormatUint(uint64(person), 10), p, c)
}

// close sends what was drawn, tells everybody that the server goes away, and waits for them.
func (b *board) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only when the time is up. Whoever is left then is cut off.
	_ = b.hub.Shutdown(ctx)
	_ = b.people.Shutdown(ctx)
}
