package conn_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestCloseReadAnswersPingsUntilTheConnectionEnds(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := c.CloseRead(t.Context())
		peer.Send(ping("there?"))
		peer.Expect(pong("there?"))
		require.NoError(t, ctx.Err())
		require.NoError(t, c.Write(ctx, conn.Text, []byte("push")))
		peer.Expect(text("push"))
		peer.Send(closing(conn.StatusGoingAway, "bye"))
		peer.Expect(closing(conn.StatusGoingAway, "bye"))
		peer.Conn().Close()
		<-ctx.Done()
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusGoingAway, Reason: "bye", Remote: true, WasClean: true}, nil)
	})
}

// TestCloseReadLeavesAReaderToTheProgram, which must not use it any more, but may do so all the same.
func TestCloseReadLeavesAReaderToTheProgram(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		inBothRoles(t, &setup{Config: conn.Config{ReuseReader: reuse}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			peer.Send(text("left behind"))
			_, r, err := c.Reader(t.Context())
			require.NoError(t, err)
			_, err = r.Read(make([]byte, 4))
			require.NoError(t, err)
			ctx := c.CloseRead(t.Context())
			synctest.Wait()
			for _, f := range []wstest.Frame{ping("there?"), text("unexpected")} {
				_, err = r.Read(make([]byte, 4))
				require.ErrorIs(t, err, conn.ErrReaderDone)
				peer.Send(f)
				peer.Receive()
			}
			hangUp(peer)
			<-ctx.Done()
			_, err = r.Read(make([]byte, 4))
			require.ErrorIs(t, err, conn.ErrReaderDone)
		})
	}
}

func TestCloseReadRefusesMessages(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := c.CloseRead(t.Context())
		peer.Send(begin("unexpected"), more("and"), last("long"), text("another"))
		peer.Expect(closing(conn.StatusPolicyViolation, "unexpected data message"))
		peer.Send(closing(conn.StatusPolicyViolation, ""))
		peer.Conn().(*wstest.End).CloseWrite()
		peer.ExpectEOF()
		<-ctx.Done()
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusPolicyViolation, WasClean: true}, nil)
	})
}

func TestCloseReadEndsWithItsContext(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := c.CloseRead(within(t, time.Second))
		<-ctx.Done()
		synctest.Wait()
		require.Equal(t, conn.StateOpen, c.State())
		peer.Send(text("read"))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "read", string(data))
	})
}

func TestCloseWaitsForCloseRead(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := c.CloseRead(context.Background())
		go func() {
			peer.Expect(closing(conn.StatusNormalClosure, "done"))
			peer.Send(closing(conn.StatusNormalClosure, ""))
			peer.Conn().(*wstest.End).CloseWrite()
		}()
		require.NoError(t, c.Close(conn.StatusNormalClosure, "done"))
		require.Error(t, ctx.Err())
	})
}

func TestCloseNowWaitsForCloseRead(t *testing.T) {
	wrap := func(e *wstest.End) net.Conn { return slowToEnd{e} }
	inBothRolesOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		ctx := c.CloseRead(context.Background())
		synctest.Wait()
		c.CloseNow()
		require.Error(t, ctx.Err(), "its goroutine has ended")
	})
}

func TestCloseReadOfAnEndedConnectionIsOverAtOnce(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		require.NoError(t, c.CloseNow())
		<-c.CloseRead(context.Background()).Done()
	})
}

// TestCloseReadMayStartWhileTheConnectionIsClosed: the second call waits for the first one's reader, which CloseNow ends
// meanwhile; the bubble sees what is left.
func TestCloseReadMayStartWhileTheConnectionIsClosed(t *testing.T) {
	wrap := func(e *wstest.End) net.Conn { return slowToEnd{e} }
	for _, before := range []bool{true, false} { // whether the second call begins before CloseNow does
		inBothRolesOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
			first := c.CloseRead(context.Background())
			synctest.Wait()
			start := time.Now()
			var second context.Context
			if before {
				second = c.CloseRead(context.Background())
				synctest.Wait()
			}
			closed := inBackground(c.CloseNow)
			synctest.Wait()
			if !before {
				second = c.CloseRead(context.Background())
				synctest.Wait()
			}
			require.NoError(t, first.Err(), "its reader has not heard of the end yet")
			require.NoError(t, <-closed)
			require.Equal(t, time.Second/2, time.Since(start), "Close has waited for the reader")
			require.Error(t, first.Err())
			<-second.Done()
			require.Equal(t, time.Second/2, time.Since(start))
			require.ErrorIs(t, c.Err(), conn.ErrClosedNow)
		})
	}
}

// slowToEnd takes half a second to say that a read has failed.
type slowToEnd struct{ net.Conn }

func (s slowToEnd) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		<-time.After(time.Second / 2)
	}
	return n, err
}

func TestCloseWaitsForTheReaderOfASecondCloseRead(t *testing.T) {
	wrap := func(e *wstest.End) net.Conn { return slowToEnd{e} }
	inBothRolesOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		first := c.CloseRead(ctx)
		synctest.Wait()
		cancel()
		<-first.Done()
		<-time.After(2 * time.Second) // its reader has given up
		require.Equal(t, conn.StateOpen, c.State())
		second := c.CloseRead(t.Context())
		synctest.Wait()
		c.CloseNow()
		require.Error(t, second.Err(), "its reader is still at work")
	})
}

func TestNobodyReadsAfterCloseRead(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 200 { // its goroutine may not have started
			ctx, cancel := context.WithCancel(t.Context())
			background := c.CloseRead(ctx)
			_, _, err := c.Read(t.Context())
			require.ErrorIs(t, err, conn.ErrConcurrentRead)
			require.NoError(t, background.Err())
			cancel()
			synctest.Wait()
		}
	})
}

func TestCloseReadWaitsForWhoIsStillReading(t *testing.T) {
	wrap := func(e *wstest.End) net.Conn { return slowToEnd{e} }
	inBothRolesOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		read := inBackground(func() error { _, _, err := c.Read(ctx); return err })
		synctest.Wait()
		cancel()
		background := c.CloseRead(t.Context())
		require.ErrorIs(t, <-read, context.Canceled)
		synctest.Wait()
		require.NoError(t, background.Err())
		peer.Send(ping("is anybody there?"))
		peer.Expect(pong("is anybody there?"))
		c.CloseNow()
		<-background.Done()
	})
}

func TestASecondCloseReadGoesOnWhereTheFirstIsGivenUp(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		first := c.CloseRead(ctx)
		second := c.CloseRead(t.Context())
		third := c.CloseRead(within(t, time.Second))
		<-third.Done()
		require.NoError(t, second.Err())
		cancel()
		<-first.Done()
		peer.Send(ping("is anybody there?"))
		peer.Expect(pong("is anybody there?"))
		require.NoError(t, second.Err())
		c.CloseNow()
		require.Error(t, second.Err(), "CloseNow waits for it")
	})
}

func TestALoopIsToldThatCloseReadReads(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		got, goOn := make(chan bool), make(chan bool)
		loop := inBackground(func() error {
			for _, err := range c.Messages(ctx) {
				if err != nil {
					return err
				}
				got <- true
				<-goOn
			}
			return nil
		})
		peer.Send(text("one"))
		<-got
		background := c.CloseRead(t.Context())
		synctest.Wait()
		goOn <- true
		cancel()
		require.Equal(t, conn.ErrConcurrentRead, <-loop)
		require.NoError(t, background.Err())
	})
}

func TestReadMayFollowAtOnceWhenTheContextOfCloseReadHasEnded(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			background := c.CloseRead(ctx)
			synctest.Wait()
			cancel()
			<-background.Done()
			peer.Send(text("read"))
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "read", string(data))
		}
	})
}

func TestWhatComesWhenTheContextOfCloseReadHasEndedIsNotRefused(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 300 {
			ctx, cancel := context.WithCancel(t.Context())
			background := c.CloseRead(ctx)
			synctest.Wait()
			cancel()
			<-background.Done()
			peer.Send(text("read"))
			synctest.Wait() // nobody reads any more
			require.Equal(t, conn.StateOpen, c.State())
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "read", string(data))
		}
	})
}

func TestAReaderLosesItsMessageToCloseRead(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(begin("the first part"), last("the second"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 1))
		require.NoError(t, err)
		c.CloseRead(t.Context())
		for range 5 { // at the same time as it is dropped
			_, err = r.Read(make([]byte, 1))
			require.Error(t, err)
			requireTyped(t, err)
		}
	})
}

func TestASecondReaderIsRefusedAlsoWhileACloseReadThatEndedWaitedForTheFirst(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		c.CloseRead(ended)
		_, _, err := c.Read(within(t, time.Second))
		require.ErrorIs(t, err, conn.ErrConcurrentRead)
		c.CloseNow()
	})
}
