package load

import (
	"context"
	"net/http/httptrace"
	"time"

	"github.com/seed60239977/websocket"
)

// client makes the connections of a load. The engine knows no more of them than this, so that they may be driven by goroutines
// or by events.
type client interface {
	// open connects. From then on, received is called for each message that comes, by one goroutine at a time, and ended once, when
	// the connection has. Neither is called if there is an error, nor before open returns.
	open(ctx context.Context, received func(size int), ended func(err error)) (link, opening, error)
}

// link is one connection.
type link interface {
	// send sends a message. The bytes are the caller's again when it returns.
	send(ctx context.Context, typ websocket.MessageType, data []byte) error
	// start has messages received.
	start()
	// close ends the connection, and returns when ended was called.
	close()
}

// opening is how long a handshake took.
type opening struct {
	connected time.Duration // to TCP, and TLS with wss
	firstByte time.Duration // of the response
}

// goroutines is a client with a goroutine for each connection that reads.
type goroutines struct {
	address string
	options *websocket.DialOptions
}

func (g *goroutines) open(ctx context.Context, received func(int), ended func(error)) (link, opening, error) {
	var o opening
	began := time.Now()
	// The hooks are called before Dial returns, or not at all.
	var connected, first time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected = time.Now() },
		GotFirstResponseByte: func() { first = time.Now() },
	})
	c, _, err := websocket.Dial(ctx, g.address, g.options)
	if err != nil {
		return nil, o, err
	}
	o.connected, o.firstByte = connected.Sub(began), first.Sub(began)
	return &goroutineLink{c: c, received: received, ended: ended, done: make(chan struct{})}, o, nil
}

// goroutineLink is a connection with a goroutine that reads.
type goroutineLink struct {
	c        *websocket.Conn
	received func(int)
	ended    func(error)
	done     chan struct{}
}

func (l *goroutineLink) start() {
	go func() {
		defer close(l.done)
		for m, err := range l.c.Messages(context.Background()) {
			if err != nil {
				l.ended(err)
				return
			}
			l.received(len(m.Data))
		}
	}()
}

func (l *goroutineLink) send(ctx context.Context, typ websocket.MessageType, data []byte) error {
	return l.c.Write(ctx, typ, data)
}

func (l *goroutineLink) close() {
	_ = l.c.SendClose(websocket.StatusNormalClosure, "")
	t := time.AfterFunc(websocket.DefaultCloseTimeout, func() { l.c.CloseNow() })
	<-l.done
	t.Stop()
	l.c.CloseNow()
}
