package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

// pick is somebody's choice of a process.
type pick func() (addr string)

// subscriber comes and goes, each time at another process, and goes on where it was.
type subscriber struct {
	accounts map[string]*account // by topic
	pick     pick
	random   *rand.Rand
	ready    chan struct{} // closed when all topics have answered for the first time
	answered map[string]bool
	last     map[string]string // by topic: what it has to get before it is done
	done     chan struct{}
	stay     <-chan struct{} // closed when it is not to go any more
}

func newSubscriber(l *ledger, who string, topics []string, p pick, seed uint64, stay <-chan struct{}) *subscriber {
	s := &subscriber{
		accounts: map[string]*account{}, pick: p, random: rand.New(rand.NewPCG(seed, 1)), ready: make(chan struct{}),
		answered: map[string]bool{}, last: map[string]string{}, done: make(chan struct{}), stay: stay,
	}
	for _, topic := range topics {
		s.accounts[topic] = l.account(who, topic)
	}
	return s
}

// run goes on until everything that ends a topic has come, or ctx ends.
func (s *subscriber) run(ctx context.Context) {
	for ctx.Err() == nil && !s.complete() {
		s.visit(ctx)
		pause(ctx, time.Duration(s.random.IntN(500))*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// visit is one connection.
func (s *subscriber) visit(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, 3*time.Second)
	c, _, err := websocket.Dial(limit, "ws://"+s.pick()+"/ws", &websocket.DialOptions{Config: websocket.Config{
		ReadLimit: 1 << 20, PingInterval: time.Second, IdleTimeout: 3 * time.Second,
	}})
	cancel()
	if err != nil {
		return
	}
	defer c.CloseNow()
	stay := s.stay
	leave := time.AfterFunc(time.Duration(500+s.random.IntN(6000))*time.Millisecond, func() {
		select {
		case <-stay:
		default:
			c.CloseNow()
		}
	})
	defer leave.Stop()
	for topic, a := range s.accounts {
		a.ask()
		wish := hub.Item{Kind: hub.KindSubscribe, Topic: topic, Position: a.position(), Last: 1 << 20}
		if c.Send(websocket.Binary, hub.BinaryEnvelope.Append(nil, wish)) != nil {
			return
		}
	}
	for m, err := range c.Messages(ctx) {
		if err != nil || s.take(m) {
			return
		}
	}
}

// take notes a message, and reports whether the subscriber is done.
func (s *subscriber) take(m websocket.Message) bool {
	i, err := hub.BinaryEnvelope.Parse(m.Type, m.Data)
	if err != nil || s.accounts[i.Topic] == nil {
		return true
	}
	a := s.accounts[i.Topic]
	if i.Kind == hub.KindSubscribed {
		a.answer(i)
		s.answered[i.Topic] = true
		if len(s.answered) == len(s.accounts) {
			select {
			case <-s.ready:
			default:
				close(s.ready)
			}
		}
		return s.complete()
	}
	i.Data = append([]byte{}, i.Data...)
	a.message(i)
	if text := string(i.Data); strings.HasPrefix(text, lastMessage) {
		s.last[i.Topic] = text
	}
	return s.complete()
}

// complete reports whether the last message of each topic has come, and closes done then.
func (s *subscriber) complete() bool {
	if len(s.last) < len(s.accounts) {
		return false
	}
	for _, a := range s.accounts {
		if a.waiting {
			return false
		}
	}
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	return true
}

// lastMessage begins the message that ends a topic.
const lastMessage = "last "

// publisher publishes numbered messages to all topics.
type publisher struct {
	l      *ledger
	who    string
	topics []string
	pick   pick
	random *rand.Rand
	client *http.Client
}

func (p *publisher) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		topic := p.topics[p.random.IntN(len(p.topics))]
		p.publish(context.WithoutCancel(ctx), topic, fmt.Sprintf("%s %d %s", p.who, n, strings.Repeat("x", p.random.IntN(200))))
		pause(ctx, time.Duration(p.random.IntN(40))*time.Millisecond)
	}
}

// publish publishes a message, and notes and returns what became of it.
func (p *publisher) publish(ctx context.Context, topic, id string) outcome {
	p.l.publish(id, unknown)
	o := p.post(ctx, topic, id)
	p.l.publish(id, o)
	return o
}

func (p *publisher) post(ctx context.Context, topic, id string) outcome {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	to := "http://" + p.pick() + "/publish?topic=" + url.QueryEscape(topic)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(id))
	if err != nil {
		return refused
	}
	// A request must not be sent twice: that would be two messages.
	req.GetBody = nil
	resp, err := p.client.Do(req)
	if err != nil {
		return unknown
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	switch resp.StatusCode {
	case http.StatusOK:
		return accepted
	case statusRefused:
		return refused
	}
	return unknown
}
