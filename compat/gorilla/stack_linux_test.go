//go:build !race && !websocket_portable

package websocket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// TestAConnectionThatHasAnsweredWaitsOnASmallStack: a goroutine begins with 2 KiB of stack, and what it has needed once it
// keeps while it waits, which is most of what an idle connection takes.
func TestAConnectionThatHasAnsweredWaitsOnASmallStack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // each processor keeps stacks of its own for goroutines to come
	var serving sync.WaitGroup
	defer serving.Wait()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := new(Upgrader).Upgrade(w, r, nil)
		if err != nil {
			return // and the client's Dial fails
		}
		wstest.Roomy(c.NetConn())
		serving.Go(func() {
			defer c.Close()
			for echoed(c) == nil {
			}
		})
	}))
	defer server.Close()
	clients := make([]*Conn, 200)
	for i := range clients {
		c, _, err := DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
		require.NoError(t, err)
		defer c.Close()
		wstest.Roomy(c.NetConn())
		clients[i] = c
	}
	message := []byte(strings.Repeat("six KiB: more than one read of the smallest buffer takes ", 6<<10/57))
	before := wstest.StackInUse()
	for range 2 {
		for _, c := range clients { // one by one: who finds a pool empty needs more
			require.NoError(t, c.WriteMessage(TextMessage, message))
			_, p, err := c.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, message, p)
		}
	}
	require.Less(t, (wstest.StackInUse()-before)/len(clients), 1024, "bytes of stack more for each connection")
}

var memory = sync.Pool{New: func() any { return new(make([]byte, 16<<10)) }}

// echoed answers a message as a program does that takes care of its memory, with a few frames of its own.
func echoed(c *Conn) error {
	typ, r, err := c.NextReader()
	if err != nil {
		return err
	}
	buf := memory.Get().(*[]byte)
	defer memory.Put(buf)
	n, err := filled(*buf, r)
	if err != nil {
		return err
	}
	return c.WriteMessage(typ, (*buf)[:n])
}

// filled is io.ReadFull up to the end of the message.
func filled(p []byte, r io.Reader) (int, error) {
	n, err := io.ReadFull(r, p)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}
