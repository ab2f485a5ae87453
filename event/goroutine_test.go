package event

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// host runs Host, and returns what it will return.
func host(t *testing.T, l *Loop, r *record) (peer *wstest.Peer, c *conn.Conn, hosted chan error) {
	near, far := wstest.Pipe(0)
	t.Cleanup(func() { far.Close() })
	c = conn.Server(near, nil, nil)
	hosted = make(chan error, 1)
	go func() { hosted <- l.Host(t.Context(), c, r.events(nil)) }()
	return wstest.NewPeer(t, far, frame.Client), c, hosted
}

func TestHostReturnsWhenTheConnectionHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{}, []poller{newMemoryPoller()})
		r := newRecord()
		peer, c, hosted := host(t, l, r)
		peer.Send(text("hello"))
		synctest.Wait()
		require.Empty(t, hosted)
		require.False(t, c.EventDriven())
		peer.Send(wstest.CloseFrame(frame.StatusNormalClosure, ""))
		require.NoError(t, <-hosted)
		require.Equal(t, []string{"open", "hello", "close"}, r.all())
		require.NoError(t, l.Shutdown(t.Context()))
	})
}

func TestShutdownWaitsForHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{}, []poller{newMemoryPoller()})
		r := newRecord()
		peer, _, hosted := host(t, l, r)
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- l.Shutdown(context.Background()) }()
		peer.Expect(wstest.CloseFrame(conn.StatusGoingAway, ""))
		require.Empty(t, down)
		peer.Send(wstest.CloseFrame(conn.StatusGoingAway, ""))
		require.NoError(t, <-hosted)
		require.NoError(t, <-down)
		require.Equal(t, conn.StatusGoingAway, conn.CloseStatus(<-r.closed))

		near, far := wstest.Pipe(0)
		late := conn.Server(near, nil, nil)
		require.ErrorIs(t, l.Host(t.Context(), late, r.events(nil)), ErrLoopClosed)
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, []string{"open", "close"}, r.all(), "nothing of the late one")
	})
}

func TestAdoptHasAGoroutineForTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{}, []poller{newMemoryPoller()})
		r := newRecord()
		near, far := wstest.Pipe(0)
		peer := wstest.NewPeer(t, far, frame.Client)
		require.NoError(t, l.Adopt(t.Context(), conn.Server(near, nil, nil), r.events(nil)))
		peer.Send(text("hello"), wstest.CloseFrame(frame.StatusNormalClosure, ""))
		require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(<-r.closed))
		require.Equal(t, []string{"open", "hello", "close"}, r.all())
		require.NoError(t, l.Shutdown(t.Context()))

		near, far = wstest.Pipe(0)
		require.ErrorIs(t, l.Adopt(t.Context(), conn.Server(near, nil, nil), r.events(nil)), ErrLoopClosed)
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}
