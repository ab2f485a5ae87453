package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/bench/load"
)

// position is where a topic is, in the words of either library.
type position struct {
	Epoch  json.RawMessage
	Offset uint64
}

// crowd is clients, and what they have got.
type crowd struct {
	kind      string
	skip      int // bytes of a message behind its time that need not be looked at
	kernel    int // that of config
	delivered atomic.Int64
	work      sync.WaitGroup

	mu    sync.Mutex
	conns []*websocket.Conn
	late  load.Histogram // of messages
}

// bounded sets the size of a socket's buffer in bytes, unless that is 0. Linux doubles it, for its own needs.
func bounded(bytes, option int) func(network, addr string, c syscall.RawConn) error {
	if bytes == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, bytes) })
		return errors.Join(failed, err)
	}
}

// client is one connection.
type client struct {
	crowd *crowd
	c     *websocket.Conn
	topic string
	reply chan position // of a subscription
	asked atomic.Bool   // the reply has not come yet
	late  load.Histogram
}

// connect adds a client of a topic, which is not subscribed yet.
func (k *crowd) connect(addr, topic string) (*client, error) {
	c, _, err := websocket.Dial(context.Background(), "ws://"+addr+"/ws", &websocket.DialOptions{
		Config:  websocket.Config{ReadLimit: 16 << 20},
		NetDial: (&net.Dialer{Control: bounded(k.kernel, syscall.SO_RCVBUF)}).DialContext,
	})
	if err != nil {
		return nil, err
	}
	x := &client{crowd: k, c: c, topic: topic, reply: make(chan position, 1)}
	k.mu.Lock()
	k.conns = append(k.conns, c)
	k.mu.Unlock()
	k.work.Go(x.read)
	if k.kind == "centrifuge" {
		return x, x.send(`{"id":1,"connect":{}}`)
	}
	return x, nil
}

func (x *client) send(text string) error {
	return x.c.Write(context.Background(), websocket.Text, []byte(text))
}

// subscribe asks for the topic, from a position if that is not nil.
func (x *client) subscribe(from *position) error {
	x.asked.Store(true)
	since := ""
	if x.crowd.kind == "centrifuge" {
		if from != nil {
			since = fmt.Sprintf(`,"recover":true,"epoch":%s,"offset":%d`, from.Epoch, from.Offset)
		}
		return x.send(fmt.Sprintf(`{"id":2,"subscribe":{"channel":%q%s}}`, x.topic, since))
	}
	if from != nil {
		since = fmt.Sprintf(`,"epoch":%s,"offset":%d`, from.Epoch, from.Offset)
	}
	return x.send(fmt.Sprintf(`{"subscribe":%q%s}`, x.topic, since))
}

var (
	mark = []byte(`"` + stamp + `":`)
	ping = []byte("{}")
)

// read counts what comes, whether it comes one by one or many in a message. It costs little, since its CPU time counts.
func (x *client) read() {
	_ = x.c.Serve(context.Background(), func(_ *websocket.Conn, m websocket.Message) error {
		if bytes.Equal(m.Data, ping) {
			return x.send("{}")
		}
		if x.asked.Load() {
			x.answer(m.Data)
		}
		if n := x.count(m.Data); n > 0 {
			x.crowd.delivered.Add(int64(n))
		}
		return nil
	})
	x.crowd.mu.Lock()
	defer x.crowd.mu.Unlock()
	x.crowd.late.Merge(&x.late)
}

// count returns how many messages there are in what came, and records how late they are.
func (x *client) count(data []byte) (n int) {
	now := time.Now().UnixNano()
	for {
		at := bytes.Index(data, mark)
		if at < 0 {
			return n
		}
		data = data[at+len(mark):]
		end := bytes.IndexByte(data, ',')
		if sent, err := strconv.ParseInt(string(data[:max(end, 0)]), 10, 64); err == nil {
			x.late.Add(time.Duration(now-sent), 1)
		}
		n++
		data = data[min(max(end, 0)+x.crowd.skip, len(data)):]
	}
}

// answer takes the position out of an answer to a subscription.
func (x *client) answer(data []byte) {
	for line := range strings.Lines(string(data)) {
		var a struct {
			position
			Recovered *bool
			ID        int
			Error     json.RawMessage
			Subscribe position
		}
		if json.Unmarshal([]byte(line), &a) != nil || a.Recovered == nil && a.ID != 2 {
			continue
		}
		p := a.position
		if a.ID == 2 {
			p = a.Subscribe
		}
		if p.Epoch == nil {
			p.Epoch = json.RawMessage("0")
		}
		x.asked.Store(false)
		x.reply <- p
		return
	}
}

// leave ends all clients, and returns how late messages were.
func (k *crowd) leave() *load.Histogram {
	k.mu.Lock()
	conns := k.conns
	k.mu.Unlock()
	for _, c := range conns {
		c.CloseNow()
	}
	k.work.Wait()
	return &k.late
}
