package conn_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/wstest"
)

// withBadDeadlines runs f over connections whose deadlines do not work, each in another way.
func withBadDeadlines(t *testing.T, cfg *setup, size int, f test) {
	for name, wrap := range wstest.BadDeadlines {
		t.Run(name, func(t *testing.T) {
			inBothRolesOver(t, cfg, size, func(e *wstest.End) net.Conn { return wrap(e) }, f)
		})
	}
}

// requireInTime requires what has begun at start to have taken no longer than d and what it takes to see that a deadline
// does not work.
func requireInTime(t testing.TB, start time.Time, d time.Duration) {
	t.Helper()
	took := time.Since(start)
	require.GreaterOrEqual(t, took, d)
	require.LessOrEqual(t, took, d+interrupt.Grace)
}

func TestAContextEndsAReadWithoutDeadlines(t *testing.T) {
	for name, read := range ways {
		t.Run(name, func(t *testing.T) {
			withBadDeadlines(t, nil, 0, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				peer.Send(text("there"))
				start := time.Now()
				ctx := within(t, time.Second)
				_, err := read(ctx, c)
				require.NoError(t, err)
				_, err = read(ctx, c)
				requireInTime(t, start, time.Second)
				requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, context.DeadlineExceeded)
				peer.ExpectEOF()
			})
		})
	}
}

func TestAContextThatIsCanceledIsTheCauseWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, nil, 0, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		served := inBackground(func() error { return c.Serve(ctx, echo) })
		synctest.Wait()
		cancel()
		requireEnded(t, c, <-served, conn.CloseError{Code: conn.StatusAbnormalClosure}, context.Canceled)
	})
}

// TestDeadlinesThatAreNotNeededNeedNotWork: contexts that may end, and do not.
func TestDeadlinesThatAreNotNeededNeedNotWork(t *testing.T) {
	withBadDeadlines(t, &setup{Config: conn.Config{PingInterval: time.Second, IdleTimeout: 10 * time.Second}}, 0, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 3 {
			peer.Send(text("question"), ping("?"))
			_, _, err := c.Read(within(t, time.Minute))
			require.NoError(t, err)
			require.NoError(t, c.Write(within(t, time.Minute), conn.Text, []byte("answer")))
		}
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		peer.Send(bye)
		halfClose(peer)
		require.NoError(t, <-closed)
	})
}

func TestCloseIsBoundedWithoutDeadlines(t *testing.T) {
	for name, size := range map[string]int{"a silent peer": 0, "a peer that does not read": 16} {
		t.Run(name, func(t *testing.T) {
			withBadDeadlines(t, nil, size, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				require.NoError(t, c.Send(conn.Binary, pattern(100)))
				start := time.Now()
				err := c.Close(conn.StatusNormalClosure, "")
				requireInTime(t, start, conn.DefaultCloseTimeout)
				requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
			})
		})
	}
}

func TestABrokenRuleIsBoundedWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, nil, 0, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		peer.Send(text("\xff"))
		_, _, err := c.Read(t.Context())
		requireInTime(t, start, conn.DefaultCloseTimeout)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusInvalidPayload, Reason: "text is not UTF-8"}, conn.ErrInvalidUTF8)
	})
}

// TestAContextCutsAWriteWithoutDeadlines: only the waiting is cut, so the connection goes on.
func TestAContextCutsAWriteWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, nil, 16, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		require.ErrorIs(t, c.Write(within(t, time.Second), conn.Text, pattern(100)), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		peer.Expect(text(string(pattern(100))))
		require.NoError(t, c.Write(within(t, time.Second), conn.Text, []byte("on")))
		peer.Expect(text("on"))
	})
}

func TestAPeerThatIsGoneIsNoticedWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, &setup{Config: conn.Config{IdleTimeout: 3 * time.Second}}, 0, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		requireEnded(t, c, <-reading(c), conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrPeerTimeout)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

// TestTLSWithoutDeadlinesEndsInTime: a tls.Conn bounds its goodbye by a deadline.
func TestTLSWithoutDeadlinesEndsInTime(t *testing.T) {
	for name, wrap := range wstest.BadDeadlines {
		if name == "block" {
			continue // a tls.Conn holds a lock meanwhile that its own Close waits for
		}
		for end, f := range map[string]func(t *testing.T, c *conn.Conn) error{
			"CloseNow": func(_ *testing.T, c *conn.Conn) error { return c.CloseNow() },
			"Close":    func(_ *testing.T, c *conn.Conn) error { return c.Close(conn.StatusNormalClosure, "") },
			"Read":     func(t *testing.T, c *conn.Conn) error { _, _, err := c.Read(within(t, time.Second)); return err },
		} {
			t.Run(name+" "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := wstest.Pipe(4000)
					client, server := wstest.TLSOver(t, wrap(near), far)
					defer far.Close()
					c := conn.Client(client, nil, nil)
					require.NoError(t, c.Send(conn.Binary, pattern(100_000)))
					synctest.Wait()
					start := time.Now()
					f(t, c)
					require.LessOrEqual(t, time.Since(start), conn.DefaultCloseTimeout+interrupt.Grace)
					require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Minute)))
					_, err := io.Copy(io.Discard, server)
					require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is closed")
					c.CloseNow()
				})
			})
		}
	}
}
