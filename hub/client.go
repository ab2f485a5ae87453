package hub

import (
	"context"
	"sync"

	"github.com/seed60239977/websocket/conn"
)

// Handle does what a client asks for with an item of the kind KindSubscribe or KindUnsubscribe. For all other kinds, the error
// wraps [ErrEnvelope]. The caller must check first whether the client may have the topic.
func (h *Hub) Handle(ctx context.Context, c *conn.Conn, i Item) (Recovery, error) {
	switch i.Kind {
	case KindSubscribe:
		return h.SubscribeFrom(ctx, c, i.Topic, From{Since: i.Position, Last: i.Last})
	case KindUnsubscribe:
		h.Unsubscribe(c, i.Topic)
		return Recovery{}, nil
	}
	return Recovery{}, ErrEnvelope
}

// Client is the other end of a hub with an envelope: it subscribes to topics, remembers the position in each, and resumes there
// with its next connection. Its methods may be called from any goroutine.
//
//	client := hub.NewClient(hub.JSONEnvelope, func(i hub.Item) { ... })
//	client.Subscribe("news", 10)
//	err := reconnect.Run(ctx, reconnect.To(url, nil), client.Serve, nil)
type Client struct {
	envelope Envelope
	receive  func(Item)

	mu     sync.Mutex
	c      *conn.Conn // nil: there is none
	topics map[string]*subscribed
}

// subscribed is a topic of a client.
type subscribed struct {
	last int
	at   Position // of the last message that came: what is not after it has come before
	// since is where the client goes on. It follows at, but not while an answer is due: whoever has got a part of what was
	// missed and asks from there would not be told that the rest before it is gone.
	since Position
	due   bool
}

// NewClient returns a client. receive gets messages, each once, and the answers to subscriptions. If an answer is not
// Recovered, what the client knows of the topic may be out of date. receive is called by Serve, and Item.Data is valid until it
// returns. NewClient panics if e is not an envelope, which is a mistake in the program.
func NewClient(e Envelope, receive func(Item)) *Client {
	if e != JSONEnvelope && e != BinaryEnvelope {
		panic("hub: a client needs an envelope")
	}
	return &Client{envelope: e, receive: receive, topics: map[string]*subscribed{}}
}

// Subscribe subscribes to a topic, now or when there is a connection. last is how many earlier messages the client gets if it
// has none yet. Subscribing again has no effect. The error is that of Conn.Send; even then, the client is subscribed when it
// has reconnected.
func (k *Client) Subscribe(topic string, last int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.topics[topic] != nil {
		return nil
	}
	k.topics[topic] = &subscribed{last: last}
	return k.ask(topic)
}

// Unsubscribe is the opposite of Subscribe. Messages already on their way may still arrive.
func (k *Client) Unsubscribe(topic string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.topics[topic] == nil {
		return nil
	}
	delete(k.topics, topic)
	return k.send(Item{Kind: KindUnsubscribe, Topic: topic})
}

// ask sends the request for a topic. The caller holds mu.
func (k *Client) ask(topic string) error {
	s := k.topics[topic]
	s.due = true
	return k.send(Item{Kind: KindSubscribe, Topic: topic, Position: s.since, Last: s.last})
}

// send sends an item, if there is a connection. The caller holds mu.
func (k *Client) send(i Item) error {
	if k.c == nil {
		return nil
	}
	return k.c.Send(k.envelope.MessageType(), k.envelope.Append(nil, i))
}

// Serve subscribes to all topics from where the client was, and reads from c until that ends or a message arrives that is not
// an envelope. The error is that of the connection, or wraps [ErrEnvelope]. Serve is meant for package reconnect. Only one call
// may be under way at a time.
func (k *Client) Serve(ctx context.Context, c *conn.Conn) error {
	if err := k.attach(c); err != nil {
		return err
	}
	defer k.detach()
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		i, err := k.envelope.Parse(m.Type, m.Data)
		if err != nil {
			return err
		}
		if k.note(i) {
			k.receive(i)
		}
	}
	return c.Err()
}

// attach makes c the connection, and asks for all topics.
func (k *Client) attach(c *conn.Conn) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c = c
	for topic := range k.topics {
		if err := k.ask(topic); err != nil {
			return err
		}
	}
	return nil
}

func (k *Client) detach() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c = nil
}

// note keeps the position of an item, and reports whether it is news.
func (k *Client) note(i Item) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.topics[i.Topic]
	switch {
	case s == nil:
		return false // it has been unsubscribed
	case i.Kind == KindSubscribed:
		s.at, s.due = i.Position, false
	case i.Kind != KindMessage || !i.Position.after(s.at):
		return false
	case !i.Position.IsZero():
		s.at = i.Position
	}
	if !s.due {
		s.since = s.at
	}
	return true
}

// after reports whether a message with the position p comes after at. Without history, and in another log, all do.
func (p Position) after(at Position) bool {
	return p.IsZero() || at.IsZero() || p.Epoch != at.Epoch || p.Offset > at.Offset
}
