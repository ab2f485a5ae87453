package conn

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// whileWriting runs f with a connection on which somebody writes at the moment, to a peer that reads.
func whileWriting(t *testing.T, f func(t *testing.T, c *Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		go io.Copy(io.Discard, far)
		c := newConn(near, frame.Server, nil)
		defer c.CloseNow()
		require.True(t, c.out.flushing.tryAcquire())
		f(t, c)
	})
}

func TestFramesGoOutThoughAWaiterGivesUpAtItsTurn(t *testing.T) {
	for range 30 { // which of the two it sees first is a matter of chance
		whileWriting(t, func(t *testing.T, c *Conn) {
			require.NoError(t, c.Send(Text, []byte("a")))
			ctx, cancel := context.WithCancel(t.Context())
			flushed := make(chan error, 1)
			go func() { flushed <- c.Flush(ctx) }()
			synctest.Wait()
			cancel()
			c.stopFlushing()
			<-flushed
			synctest.Wait()
			require.Zero(t, c.BufferedAmount())
		})
	}
}

func TestAPingWaitsForItsPongFromWhenItIsEncoded(t *testing.T) {
	whileWriting(t, func(t *testing.T, c *Conn) {
		require.NoError(t, c.Send(Binary, make([]byte, maxPending)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.Ping(ctx)
		synctest.Wait()
		require.True(t, c.rare == nil || len(c.rare.pings) == 0, "there is no room for it yet")
		c.stopFlushing()
		synctest.Wait()
		require.Len(t, c.rare.pings, 1)
	})
}
