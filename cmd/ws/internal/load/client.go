package load

import (
	"context"
	"net/http/httptrace"
	"time"

	"github.com/seed60239977/websocket"
)

// client makes the connections of a load. The engine knows no more of them than this.
type client interface {
	// open connects. What happens on the connection is told to o, maybe before open returns. Nothing is told if there is an
	// error.
	open(ctx context.Context, o observer) (link, opening, error)
}

// observer is told what happens on a connection, by one call at a time.
type observer interface {
	// received is called for each message that comes.
	received(size int)
	// ended is the last call.
	ended(err error)
}

// link is one connection. Its methods may be called from any goroutine. data may not be changed, and is the caller's again when a
// call returns.
type link interface {
	// send accepts a message without waiting for anything, or refuses it with websocket.ErrQueueFull.
	send(typ websocket.MessageType, data []byte) error
	// write is send for who can wait until there is room.
	write(ctx context.Context, typ websocket.MessageType, data []byte) error
	// close begins to end the connection: ended is called soon.
	close()
}

// opening is how long a handshake took.
type opening struct {
	connected time.Duration // to TCP, and TLS with wss
	firstByte time.Duration // of the response
}

// loopClient has an event loop drive its connections, so that one that waits costs little. Those that the loop cannot drive,
// such as those of TLS, get a goroutine each from it.
type loopClient struct {
	address string
	options *websocket.DialOptions
	loop    *websocket.Loop
}

func (l *loopClient) open(ctx context.Context, o observer) (link, opening, error) {
	began := time.Now()
	// The hooks are called before Dial returns, or not at all.
	var connected, first time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected = time.Now() },
		GotFirstResponseByte: func() { first = time.Now() },
	})
	c, _, err := l.loop.Dial(ctx, l.address, websocket.Events{
		Message: func(_ *websocket.Conn, m websocket.Message) error {
			o.received(len(m.Data))
			return nil
		},
		Close: func(_ *websocket.Conn, err error) { o.ended(err) },
	}, l.options)
	if err != nil {
		return nil, opening{}, err
	}
	return loopLink{c}, opening{connected.Sub(began), first.Sub(began)}, nil
}

// loopLink is a connection of a loop.
type loopLink struct{ c *websocket.Conn }

func (l loopLink) send(typ websocket.MessageType, data []byte) error { return l.c.Send(typ, data) }

func (l loopLink) write(ctx context.Context, typ websocket.MessageType, data []byte) error {
	return l.c.Write(ctx, typ, data)
}

func (l loopLink) close() {
	_ = l.c.SendClose(websocket.StatusNormalClosure, "") // fails if it has ended, or is about to: whoever is told of that knows
}
