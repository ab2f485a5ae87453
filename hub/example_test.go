package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/reconnect"
)

// serve is for package websocket's Handler. Nothing has to be done when the connection ends: the hub notices.
func serve(h *hub.Hub) func(context.Context, *websocket.Conn) {
	return func(ctx context.Context, c *websocket.Conn) {
		if _, err := h.SubscribeFrom(ctx, c, "room", hub.From{Last: 50}); err != nil {
			return
		}
		for m, err := range c.Messages(ctx) {
			if err != nil || h.Publish(ctx, "room", websocket.Prepare(m.Type, m.Data)) != nil {
				return
			}
		}
	}
}

func ExampleHub() {
	ctx := context.Background()
	broker := hub.NewMemory(hub.Keep(hub.Retention{Messages: 50}))
	server := httptest.NewServer(websocket.Handler(serve(hub.New(&hub.Options{Broker: broker})), nil))
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

func ExampleMemory() {
	// Two hubs with the same broker share their topics. With hub/nats or hub/redis they may be on different machines.
	broker := hub.NewMemory(nil)
	one, two := hub.New(&hub.Options{Broker: broker}), hub.New(&hub.Options{Broker: broker})

	// Those who are subscribed to "news" in the other hub get it too.
	ctx := context.Background()
	fmt.Println(one.Publish(ctx, "news", websocket.Prepare(websocket.Text, []byte("it works"))))

	two.Shutdown(ctx)
	one.Shutdown(ctx)
	broker.Close()
	// Output: <nil>
}

func ExampleClient() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	news := hub.New(&hub.Options{
		Broker:   hub.NewMemory(hub.Keep(hub.Retention{Messages: 100})),
		Envelope: hub.JSONEnvelope,
	})
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			wish, err := hub.JSONEnvelope.Parse(m.Type, m.Data)
			if err == nil {
				_, err = news.Handle(ctx, c, wish)
			}
			if err != nil {
				c.Close(websocket.StatusPolicyViolation, "")
				return
			}
		}
	}, nil))
	defer server.Close()
	say := func(text string) { news.Publish(ctx, "news", websocket.Prepare(websocket.Text, []byte(text))) }

	said := make(chan string)
	client := hub.NewClient(hub.JSONEnvelope, func(i hub.Item) {
		if i.Kind == hub.KindMessage {
			said <- string(i.Data)
		}
	})
	client.Subscribe("news", 10)
	say("one")
	go reconnect.Run(ctx, reconnect.To(server.URL, nil), client.Serve, &reconnect.Options{InitialBackoff: time.Millisecond})
	fmt.Println(<-said)

	for _, c := range news.Subscribers("news") { // as if the network had failed
		c.CloseNow()
	}
	say("two")
	fmt.Println(<-said)
	// Output:
	// one
	// two
}
