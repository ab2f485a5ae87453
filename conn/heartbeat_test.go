package conn_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

var beating = &setup{Config: conn.Config{PingInterval: 20 * time.Second, IdleTimeout: time.Minute}}

func TestAPeerThatAnswersPingsStays(t *testing.T) {
	withDrivers(t, beating, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go receive(t.Context(), c)
		start := time.Now()
		seen := map[string]bool{}
		for range 100 {
			f := peer.Receive()
			require.Equal(t, frame.Ping, f.Opcode)
			require.Len(t, f.Payload, 8)
			require.False(t, seen[string(f.Payload)], "each ping has a payload of its own")
			seen[string(f.Payload)] = true
			peer.Send(pong(string(f.Payload)))
		}
		elapsed := time.Since(start)
		require.Greater(t, elapsed, 100*18*time.Second)
		require.Less(t, elapsed, 100*20*time.Second, "intervals are spread")
		require.Equal(t, conn.StateOpen, c.State())
	})
}

func TestAPeerThatSaysNothingIsGone(t *testing.T) {
	withDrivers(t, beating, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		_, _, err := receive(t.Context(), c)
		require.ErrorIs(t, err, conn.ErrPeerTimeout)
		var closed *conn.CloseError
		require.ErrorAs(t, err, &closed)
		require.Equal(t, conn.StatusAbnormalClosure, closed.Code)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

func TestAnyByteShowsThatThePeerIsThere(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{IdleTimeout: time.Minute}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := make(chan error)
		go func() {
			_, _, err := receive(t.Context(), c)
			ended <- err
		}()
		b := peer.Encode(text("a byte a minute, almost"))
		for i := range b {
			<-time.After(59 * time.Second)
			peer.SendRaw(b[i : i+1])
		}
		require.NoError(t, <-ended)
	})
}

func TestAnApplicationThatIsBusyLosesNobody(t *testing.T) {
	withDrivers(t, beating, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		pings := 0
		go func() {
			for {
				f, err := peer.TryReceive()
				if err != nil {
					return
				}
				if f.Opcode == frame.Ping {
					pings++
					peer.Send(pong(string(f.Payload)))
				}
			}
		}()
		for range 3 {
			peer.Send(text("work"))
			_, _, err := receive(t.Context(), c)
			require.NoError(t, err)
			<-time.After(time.Hour)
			synctest.Wait()
			require.Equal(t, conn.StateOpen, c.State())
		}
		require.GreaterOrEqual(t, pings, 3*180, "the peer hears of us all the while")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, _, err := receive(ctx, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAHeartbeatEndsWithTheConnection(t *testing.T) {
	withDrivers(t, beating, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.CloseNow())
		<-time.After(time.Hour)
		require.NotErrorIs(t, c.Err(), conn.ErrPeerTimeout)
		peer.ExpectEOF()
	})
}

func TestPingsAreSentAlsoWhenContextsCutTheReads(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{PingInterval: 20 * time.Second}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		pings := 0
		go func() {
			for f, err := peer.TryReceive(); err == nil; f, err = peer.TryReceive() {
				if f.Opcode == frame.Ping {
					pings++
				}
			}
		}()
		for range 60 { // ten minutes
			_, _, err := receive(within(t, 10*time.Second), c)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		require.Greater(t, pings, 25)
	})
}

func TestAPeerIsGoneAlsoWhenContextsCutTheReads(t *testing.T) {
	cfg := &setup{Config: conn.Config{PingInterval: 20 * time.Second, IdleTimeout: time.Minute}}
	inBothRoles(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go io.Copy(io.Discard, peer.Conn())
		start := time.Now()
		for c.Err() == nil {
			_, _, err := c.Read(within(t, 7*time.Second))
			require.Error(t, err)
			<-time.After(time.Second) // does not count
		}
		require.ErrorIs(t, c.Err(), conn.ErrPeerTimeout)
		require.InDelta(t, 68, time.Since(start).Seconds(), 2)
	})
}

// slowToStart takes two milliseconds to begin with each read.
type slowToStart struct{ net.Conn }

func (s slowToStart) Read(p []byte) (int, error) {
	<-time.After(2 * time.Millisecond)
	return s.Conn.Read(p)
}

// Reads that are cut wait for longer than IdleTimeout all together, but at no moment when the timer looks: it does so every
// second. Then the peer sends, and what it has sent is just being read when the timer looks again.
func TestAPeerThatHasSentIsNotGone(t *testing.T) {
	wrap := func(e *wstest.End) net.Conn { return slowToStart{e} }
	inBothRolesOver(t, &setup{Config: conn.Config{IdleTimeout: time.Second}}, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		read := func(from, to time.Duration) error {
			<-time.After(time.Until(start.Add(from)))
			ctx, cancel := context.WithDeadline(t.Context(), start.Add(to))
			defer cancel()
			_, _, err := c.Read(ctx)
			return err
		}
		require.ErrorIs(t, read(10*time.Millisecond, 990*time.Millisecond), context.DeadlineExceeded)
		require.ErrorIs(t, read(1010*time.Millisecond, 1990*time.Millisecond), context.DeadlineExceeded)
		<-time.After(500 * time.Millisecond)
		peer.Send(text("here I am"))
		require.NoError(t, read(2999*time.Millisecond, 4*time.Second))
	})
}

func TestNoPingIsSentWhileBytesKeepArriving(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{PingInterval: 20 * time.Second}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		pings := make(chan wstest.Frame, 100)
		go func() {
			for f, err := peer.TryReceive(); err == nil; f, err = peer.TryReceive() {
				pings <- f
			}
		}()
		for range 60 { // five minutes
			<-time.After(5 * time.Second)
			peer.Send(text("here I am"))
		}
		synctest.Wait()
		require.Empty(t, pings)
		<-time.After(21 * time.Second)
		synctest.Wait()
		require.Len(t, pings, 1)
	})
}

func TestAByteMakesUpForAllThatWasWaitedBefore(t *testing.T) {
	inBothRoles(t, &setup{Config: conn.Config{IdleTimeout: time.Minute}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		_, _, err := c.Read(within(t, 40*time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for range 3 {
			go func() {
				<-time.After(19 * time.Second)
				peer.Send(text("hello"))
			}()
			_, _, err = c.Read(t.Context())
			require.NoError(t, err)
			_, _, err = c.Read(within(t, 40*time.Second))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		start := time.Now()
		_, _, err = c.Read(t.Context())
		require.ErrorIs(t, err, conn.ErrPeerTimeout)
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}
