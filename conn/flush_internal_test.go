package conn

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// whileWriting runs f with a connection on which somebody writes at the moment, to a peer that reads.
func whileWriting(t *testing.T, f func(t *testing.T, c *Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		go io.Copy(io.Discard, far)
		c := newConn(near, frame.Server, nil, nil)
		defer c.CloseNow()
		c.out.mu.Lock()
		require.True(t, c.out.flusher.Begin())
		c.out.mu.Unlock()
		f(t, c)
	})
}

// stopWriting ends what whileWriting began.
func stopWriting(c *Conn) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.endWriting()
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
			stopWriting(c)
			<-flushed
			synctest.Wait()
			require.Zero(t, c.BufferedAmount())
		})
	}
}

func TestAPingWaitsForItsPongFromWhenItIsEncoded(t *testing.T) {
	whileWriting(t, func(t *testing.T, c *Conn) {
		require.NoError(t, c.Send(Binary, make([]byte, protocol.MaxQueued)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.Ping(ctx)
		synctest.Wait()
		require.True(t, c.cold == nil || len(c.cold.pings) == 0, "there is no room for it yet")
		stopWriting(c)
		synctest.Wait()
		require.Len(t, c.cold.pings, 1)
	})
}

// halfway is a transport that takes a byte without waiting, and all if it may wait.
type halfway struct{ *portable }

func (h halfway) write(s *protocol.Sender, wait bool) (int, error) {
	if wait {
		return h.portable.write(s, true)
	}
	return 1, nil
}

func (halfway) resumable() bool { return true }

// endsFirst is a context that can end. Before somebody registers for that, the connection ends.
type endsFirst struct {
	context.Context
	c                *Conn
	registered, left int
}

func (e *endsFirst) Done() <-chan struct{} {
	if e.c.out.mu.TryLock() { // else it is only asked whether it can end
		e.c.out.mu.Unlock()
		e.c.happened(func(w *protocol.Closing) { w.Abort(ErrClosedNow) })
	}
	return make(chan struct{})
}

func (e *endsFirst) AfterFunc(func()) (stop func() bool) {
	e.registered++
	return func() bool { e.left++; return true }
}

func TestAContextIsLetGoOfAlsoIfTheConnectionEndsJustBeforeAWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		c := newConn(near, frame.Server, nil, nil)
		c.transport = halfway{newPortable(near)}
		ctx := &endsFirst{Context: context.Background(), c: c}
		require.ErrorIs(t, c.Write(ctx, Text, []byte("hello")), ErrClosedNow)
		require.Equal(t, 1, ctx.registered)
		require.Equal(t, 1, ctx.left)
	})
}
