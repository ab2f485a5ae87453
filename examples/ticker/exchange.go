package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

//go:embed page.html
var page []byte

// interval is the time from one quote of a symbol to the next.
const interval = time.Second / 20

// exchange is where all symbols are quoted.
type exchange struct {
	hub         *hub.Hub // a topic for each symbol
	subscribers websocket.Registry
	loop        *websocket.Loop // drives connections; nil if each has a goroutine
	symbols     []string
	stocks      map[string]*stock
}

func newExchange() *exchange {
	e := &exchange{hub: hub.New(&hub.Options{QueueMessages: 16}), stocks: map[string]*stock{}}
	for symbol, price := range map[string]float64{"ACME": 140, "BOLT": 95, "CRUX": 60, "DUNE": 120} {
		e.stocks[symbol] = &stock{symbol: symbol, hub: e.hub, price: price, history: []float64{}}
	}
	e.symbols = []string{"ACME", "BOLT", "CRUX", "DUNE"}
	return e
}

// trade makes quotes until ctx ends.
func (e *exchange) trade(ctx context.Context) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		for _, symbol := range e.symbols {
			if e.stocks[symbol].quote() != nil { // the hub is shut down
				return
			}
		}
	}
}

// handler shows the page at / and sends quotes at /ws.
func (e *exchange) handler() http.Handler {
	mux := http.NewServeMux()
	o := &websocket.AcceptOptions{
		Registry: &e.subscribers,
		Config: websocket.Config{
			ReadLimit:    1 << 10,
			PingInterval: 20 * time.Second,
			IdleTimeout:  45 * time.Second,
			CloseTimeout: shutdownTime,
		},
	}
	if e.loop != nil {
		mux.Handle("/ws", e.loop.Handler(websocket.Events{Open: e.open, Message: e.message}, o))
	} else {
		mux.Handle("/ws", websocket.Handler(e.serve, o))
	}
	mux.Handle("GET /{$}", program.Page(page))
	return mux
}

// request is what a page sends: a symbol to watch from now on, or to stop watching.
type request struct {
	Watch   string `json:"watch"`
	Unwatch string `json:"unwatch"`
}

// welcome is the first message to a page.
type welcome struct {
	Symbols  []string `json:"symbols"`
	Interval int64    `json:"interval"` // from one tick to the next, in milliseconds
}

// serve is the life of one connection that has a goroutine. The hub forgets it when it ends.
func (e *exchange) serve(ctx context.Context, c *websocket.Conn) {
	err := wsjson.Write(ctx, c, welcome{e.symbols, interval.Milliseconds()})
	for err == nil {
		var q request
		if q, err = wsjson.Read[request](ctx, c); err == nil {
			err = e.do(c, q)
		}
	}
	if code, reason := farewell(err); code != 0 {
		c.Close(code, reason)
	}
}

// open is called for a new connection that an event loop drives.
func (e *exchange) open(ctx context.Context, c *websocket.Conn) {
	_ = wsjson.Write(ctx, c, welcome{e.symbols, interval.Milliseconds()}) // or the connection has ended
}

// message is called for each of its messages.
func (e *exchange) message(c *websocket.Conn, m websocket.Message) error {
	var q request
	err := json.Unmarshal(m.Data, &q)
	if err != nil {
		err = errNonsense
	} else {
		err = e.do(c, q)
	}
	if code, reason := farewell(err); code != 0 {
		_ = c.SendClose(code, reason) // or it is closing already
	}
	return nil
}

// farewell is how a connection is closed because of err, or 0 if it has ended, or goes on.
func farewell(err error) (code websocket.StatusCode, reason string) {
	var notJSON *wsjson.DecodeError
	switch {
	case errors.As(err, &notJSON), errors.Is(err, errNonsense):
		return websocket.StatusPolicyViolation, errNonsense.Error()
	case errors.Is(err, websocket.ErrQueueFull):
		return websocket.StatusTryAgainLater, "too much asked for"
	case errors.Is(err, hub.ErrShutdown):
		return websocket.StatusGoingAway, ""
	}
	return 0, ""
}

// errNonsense is why a connection is closed.
var errNonsense = errors.New("this is not what the page sends")

func (e *exchange) do(c *websocket.Conn, q request) error {
	watch, unwatch := e.stocks[q.Watch], e.stocks[q.Unwatch]
	switch {
	case watch != nil:
		return watch.subscribe(c)
	case unwatch != nil:
		e.hub.Unsubscribe(c, unwatch.symbol)
		return nil
	}
	return errNonsense
}

// close tells all subscribers that the server goes away, and waits for them.
func (e *exchange) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// Both fail only when the time is up. Whoever is left then is cut off.
	_ = e.hub.Shutdown(ctx)
	_ = e.subscribers.Shutdown(ctx)
}
