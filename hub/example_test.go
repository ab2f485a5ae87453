package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

// chat is a room that remembers what was said.
type chat struct {
	hub *hub.Hub

	mu      sync.Mutex // so that those who join miss nothing and get nothing twice
	history []*websocket.Prepared
}

func (c *chat) join(conn *websocket.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.history {
		if err := conn.SendPrepared(p); err != nil {
			return err
		}
	}
	return c.hub.Subscribe(conn, "room")
}

func (c *chat) say(ctx context.Context, text string) error {
	p := websocket.Prepare(websocket.Text, []byte(text))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history[max(0, len(c.history)-49):], p)
	return c.hub.Publish(ctx, "room", p)
}

// serve is for package websocket's Handler. Nothing has to be done when the connection ends: the hub notices.
func (c *chat) serve(ctx context.Context, conn *websocket.Conn) {
	if c.join(conn) != nil {
		return
	}
	for m, err := range conn.Messages(ctx) {
		if err != nil || c.say(ctx, string(m.Data)) != nil {
			return
		}
	}
}

func ExampleHub() {
	ctx := context.Background()
	room := &chat{hub: hub.New(nil)}
	server := httptest.NewServer(websocket.Handler(room.serve, nil))
	defer server.Close()

	visit := func(name string, say string) {
		c, _, err := websocket.Dial(ctx, server.URL, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.CloseNow()
		c.Write(ctx, websocket.Text, []byte(name+": "+say))
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			fmt.Printf("%s hears %q\n", name, m.Data)
			if string(m.Data) == name+": "+say {
				return
			}
		}
	}
	visit("Ann", "hello?")
	visit("Bob", "hi Ann!")
	// Output:
	// Ann hears "Ann: hello?"
	// Bob hears "Ann: hello?"
	// Bob hears "Bob: hi Ann!"
}

func ExampleHub_PublishLatest() {
	ctx := context.Background()
	quotes := hub.New(nil)
	http.Handle("/quotes", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		if quotes.Subscribe(c, "quotes") == nil {
			<-c.CloseRead(ctx).Done() // the peer has nothing to say
		}
	}, nil))

	// Twenty times a second: a peer that is slow, or asleep, gets the price of now when it is ready, not those it has missed.
	price := websocket.Prepare(websocket.Text, []byte(`{"symbol":"XYZ","price":123.45}`))
	fmt.Println(quotes.PublishLatest(ctx, "quotes", "XYZ", price, nil))
	// Output: <nil>
}

func ExampleBus() {
	var bus hub.Bus
	one := hub.New(&hub.Options{Relay: bus.Relay()})
	two := hub.New(&hub.Options{Relay: bus.Relay()})

	// Those who are subscribed to "news" in the other hub get it too.
	ctx := context.Background()
	fmt.Println(one.Publish(ctx, "news", websocket.Prepare(websocket.Text, []byte("it works"))))

	two.Shutdown(ctx)
	one.Shutdown(ctx)
	// Output: <nil>
}
