package conn_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// inBothRolesStalled runs f with a connection whose first write, a message that somebody sends, has stopped for ever in
// its middle.
func inBothRolesStalled(t *testing.T, f test) {
	var nc *wstest.StalledConn
	stall := func(end *wstest.End) net.Conn { nc = wstest.Stall(end, 100); return nc }
	withDriversOver(t, nil, 0, stall, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		<-nc.Stalled()
		f(t, c, peer)
	})
}

// calls are all the calls that may block, until the connection ends.
func calls(ctx context.Context, c *conn.Conn) map[string]func() error {
	w, writerErr := c.Writer(ctx, conn.Text)
	return map[string]func() error{
		"Write":         func() error { return c.Write(ctx, conn.Text, nil) }, // waits for the Writer
		"WritePrepared": func() error { return c.WritePrepared(ctx, conn.Prepare(conn.Text, nil)) },
		"WriteBatch": func() error {
			_, err := c.WriteBatch(ctx, []*conn.Prepared{conn.Prepare(conn.Text, nil)})
			return err
		},
		"Writer": func() error { _, err := c.Writer(ctx, conn.Text); return err },
		"Writer.Write": func() error {
			if writerErr != nil {
				return writerErr
			}
			_, err := w.Write(make([]byte, 10*conn.DefaultFragmentSize))
			return err
		},
		"Flush": func() error { return c.Flush(ctx) },
		"Ping":  func() error { _, err := c.Ping(ctx); return err },
		"Read":  func() error { _, _, err := receive(ctx, c); return err },
	}
}

func TestCloseNowEndsEveryCall(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		results := map[string]<-chan error{}
		for name, call := range calls(context.Background(), c) {
			results[name] = inBackground(call)
		}
		synctest.Wait()
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		synctest.Wait()
		for name, result := range results {
			require.Empty(t, result, name)
		}
		start := time.Now()
		require.NoError(t, c.CloseNow())
		for name, result := range results {
			require.Same(t, c.Err(), <-result, name)
		}
		require.NoError(t, <-closed, "given up by CloseNow")
		require.Zero(t, time.Since(start))
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusAbnormalClosure}, unwrapped(c))
		require.ErrorContains(t, c.Err(), "closed without a closing handshake")
	})
}

func TestCloseNowEndsEveryWayOfReading(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		peer.Send(begin("begun"))
		reads := inBackground(func() error { _, err := read(context.Background(), c); return err })
		synctest.Wait()
		require.NoError(t, c.CloseNow())
		require.Equal(t, c.Err(), <-reads)
		peer.ExpectEOF()
	})
}

func TestEveryCallOnAStalledConnectionEndsWithItsContext(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		for name, call := range calls(within(t, time.Second), c) {
			require.ErrorIs(t, call(), context.DeadlineExceeded, name)
		}
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, conn.StateOpen, c.State())
		require.NoError(t, c.Send(conn.Text, nil), "never waits")
	})
}

// TestAStalledConnectionStillReads is about reads that somebody calls: an event loop gives a peer that does not read no more
// answers than a few.
func TestAStalledConnectionStillReads(t *testing.T) {
	byCalls(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		require.NoError(t, c.Send(conn.Binary, make([]byte, 200_000)))
		for range 100 {
			peer.Send(ping("?"), text("m"), ping("?"))
			m, err := read(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, got{conn.Text, "m"}, m)
		}
	})
}

func TestOtherConnectionsGoOnWhileOneIsStalled(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, stalled *conn.Conn, _ *wstest.Peer) {
		start := time.Now()
		near, far := wstest.Pipe(0)
		a, b := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
		ended := inBackground(func() error { return b.Serve(context.Background(), echo) })
		p := conn.Prepare(conn.Text, []byte("published"))
		for range 100 {
			stalled.SendPrepared(p)
			require.NoError(t, a.SendPrepared(p))
			_, data, err := a.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "published", string(data))
		}
		require.NoError(t, a.Close(conn.StatusNormalClosure, ""))
		require.Error(t, <-ended)
		require.Zero(t, time.Since(start))
	})
}

func TestCloseOfAStalledConnectionIsBounded(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		start := time.Now()
		err := c.Close(conn.StatusNormalClosure, "")
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(start))
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
	})
}

// TestPingsAreBoundedOnAStalledConnection: somebody pings a peer that is gone, for hours.
func TestPingsAreBoundedOnAStalledConnection(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		before := c.BufferedAmount()
		for range 15_000 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := c.Ping(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		require.Less(t, c.BufferedAmount(), before+100_000)
	})
}

func TestTheEndOfTheNetworkEndsEveryCall(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		results := map[string]<-chan error{}
		for name, call := range calls(context.Background(), c) {
			if name != "Flush" { // has nothing to wait for
				results[name] = inBackground(call)
			}
		}
		synctest.Wait()
		hangUp(peer)
		for name, result := range results {
			if err := <-result; !errors.As(err, new(*conn.WriteError)) { // it was first
				require.Same(t, c.Err(), err, name)
			}
		}
	})
}
