package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// maxHistory is how many quotes of a symbol a newcomer gets: half a minute.
const maxHistory = 600

// quotes is what a page gets: prices of a symbol, one for each tick. Ticks are counted from the start of the server.
type quotes struct {
	Symbol string    `json:"symbol"`
	Tick   int       `json:"tick"` // of the last price
	Prices []float64 `json:"prices"`
}

// stock is what is quoted under one symbol.
type stock struct {
	symbol string
	hub    *hub.Hub

	mu      sync.Mutex // held while publishing, and while a newcomer gets the history and is subscribed
	price   float64
	tick    int
	history []float64
}

// quote makes a new price and publishes it. It waits for nobody.
func (s *stock) quote() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick++
	s.price = math.Round(100*max(1, s.price*(1+0.0015*rand.NormFloat64()))) / 100
	s.history = append(s.history, s.price)
	if over := len(s.history) - maxHistory; over > 0 {
		s.history = slices.Delete(s.history, 0, over)
	}
	p, err := wsjson.Prepare(quotes{s.symbol, s.tick, []float64{s.price}})
	if err != nil {
		return err
	}
	return s.hub.PublishLatest(context.Background(), s.symbol, "price", p, nil)
}

// subscribe gives c the history and all quotes from now on.
func (s *stock) subscribe(c *websocket.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := wsjson.Prepare(quotes{s.symbol, s.tick, s.history})
	if err != nil {
		return err
	}
	if err := c.SendPrepared(before); err != nil {
		return err
	}
	return s.hub.Subscribe(c, s.symbol)
}
