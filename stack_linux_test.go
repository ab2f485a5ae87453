//go:build !race && !websocket_portable

package websocket

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// stackInUse returns how many octets of stack the process has after a collection, which shrinks what can be shrunk.
func stackInUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}

// TestAConnectionThatHasAnsweredWaitsOnASmallStack: a goroutine begins with 2 KiB of stack, and what it has needed once it
// keeps while it waits. With a million connections one function more that is called from deep down is 2 GiB.
func TestAConnectionThatHasAnsweredWaitsOnASmallStack(t *testing.T) {
	const conns = 400
	serve := func(ctx context.Context, c *Conn) {
		c.Serve(ctx, func(c *Conn, m Message) error { return c.Write(ctx, m.Type, m.Data) })
	}
	handlers := map[string]func(context.Context, *Conn){
		"Serve":    func(ctx context.Context, c *Conn) { deeper(serve, ctx, c) },
		"Messages": func(ctx context.Context, c *Conn) { deeper(echo, ctx, c) },
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, Handler(handle, nil))
			peers := make([]*wstest.Peer, conns)
			for i := range peers {
				nc := rawConn(t, server)
				_, err := io.WriteString(nc, upgradeRequest())
				require.NoError(t, err)
				_, err = io.ReadFull(nc, make([]byte, len(upgraded)))
				require.NoError(t, err)
				peers[i] = wstest.NewPeer(t, nc, frame.Client)
			}
			base := stackInUse()
			for range 3 {
				for _, peer := range peers { // one by one: who finds a pool empty needs more
					peer.Send(wstest.Whole(frame.Text, strings.Repeat("世界", 50)), wstest.Whole(frame.Ping, "still there?"))
					peer.Expect(wstest.Whole(frame.Text, strings.Repeat("世界", 50)), wstest.Whole(frame.Pong, "still there?"))
				}
			}
			require.Less(t, (stackInUse()-base)/conns, 1024, "octets of stack more for each connection")
		})
	}
}

// deeper calls handle with some of the stack in use, as a handler has that does something.
//
//go:noinline
func deeper(handle func(context.Context, *Conn), ctx context.Context, c *Conn) {
	var used [handlerStack]byte
	handle(ctx, c)
	runtime.KeepAlive(&used)
}

// handlerStack is how many octets of stack a handler may use for itself.
const handlerStack = 160
