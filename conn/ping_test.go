package conn_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// answer is what a Ping returned.
type answer struct {
	rtt time.Duration
	err error
}

// pinging starts a ping and returns what it will return. The ping is on the wire.
func pinging(ctx context.Context, c *conn.Conn) <-chan answer {
	answered := make(chan answer, 1)
	go func() {
		rtt, err := c.Ping(ctx)
		answered <- answer{rtt, err}
	}()
	synctest.Wait()
	return answered
}

func TestAPingIsAnsweredByItsOwnPong(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		answered := pinging(t.Context(), c)
		f := peer.Receive()
		require.Equal(t, frame.Ping, f.Opcode)
		require.True(t, f.Fin)
		require.NotEmpty(t, f.Payload)
		require.Regexp(t, "^[!-~]+$", string(f.Payload), "peers may take it for text")
		own := string(f.Payload)
		for _, foreign := range []string{"", "unsolicited", strings.Repeat("x", 125), own[1:], own + "x", strings.ToUpper(own) + " "} {
			peer.Send(pong(foreign))
		}
		<-time.After(30 * time.Millisecond)
		synctest.Wait()
		require.Empty(t, answered)
		peer.Send(pong(own), pong(own))
		require.Equal(t, answer{30 * time.Millisecond, nil}, <-answered)
		peer.Send(pong(own)) // once more, after the ping is forgotten
		synctest.Wait()
		require.Equal(t, conn.StateOpen, c.State())
	})
}

func TestAPongAnswersTheOlderPingsToo(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		var pings [4]<-chan answer
		var payloads []string
		for i := range pings {
			pings[i] = pinging(t.Context(), c)
			payloads = append(payloads, string(peer.Receive().Payload))
			<-time.After(time.Second)
		}
		require.NotEqual(t, payloads[0], payloads[1])
		peer.Send(pong(payloads[2]))
		require.Equal(t, answer{4 * time.Second, nil}, <-pings[0])
		require.Equal(t, answer{3 * time.Second, nil}, <-pings[1])
		require.Equal(t, answer{2 * time.Second, nil}, <-pings[2])
		synctest.Wait()
		require.Empty(t, pings[3], "the newer one still waits")
		peer.Send(pong(payloads[0]), pong(payloads[1]))
		synctest.Wait()
		require.Empty(t, pings[3], "old pongs answer nothing")
		peer.Send(pong(payloads[3]))
		require.Equal(t, answer{time.Second, nil}, <-pings[3])
	})
}

func TestAPingThatIsNotAnsweredEndsWithItsContext(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		_, err := c.Ping(within(t, time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, conn.StateOpen, c.State())
		late := string(peer.Receive().Payload)
		answered := pinging(t.Context(), c)
		peer.Send(pong(late))
		synctest.Wait()
		require.Empty(t, answered, "the pong for a ping that was given up answers no other")
		peer.Send(pong(string(peer.Receive().Payload)))
		require.NoError(t, (<-answered).err)
	})
}

func TestAPingEndsWithTheConnection(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		answered := pinging(t.Context(), c)
		require.NoError(t, c.CloseNow())
		require.Equal(t, c.Err(), (<-answered).err)
	})
}

func TestAPingToAPeerThatDoesNotReadEndsWithItsContext(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Text, make([]byte, 1000)))
		start := time.Now()
		_, err := c.Ping(within(t, time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestManyPingsAtOnceAreAllAnswered(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		answers := make(chan error)
		for range 64 {
			go func() {
				_, err := c.Ping(t.Context())
				answers <- err
			}()
		}
		seen := map[string]bool{}
		for range 64 {
			payload := string(peer.Receive().Payload)
			require.False(t, seen[payload], "every ping has a payload of its own")
			seen[payload] = true
			peer.Send(pong(payload))
		}
		for range 64 {
			require.NoError(t, <-answers)
		}
	})
}

func TestAPingIsAnsweredWithItsPayload(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		for _, payload := range []string{"", "x", "\x00\xff", strings.Repeat("p", 125)} {
			peer.Send(ping(payload), text("m"))
			_, err := read(t.Context(), c)
			require.NoError(t, err)
			peer.Expect(pong(payload))
		}
	})
}

func TestAFloodOfPongsChangesNothing(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		answered := pinging(t.Context(), c)
		own := string(peer.Receive().Payload)
		flood := peer.Encode(pong(""), pong("12345678"), pong(own[:7]+string([]byte{own[7] ^ 1})))
		go func() {
			for range 3000 {
				peer.SendRaw(flood)
			}
			peer.Send(text("after"))
		}()
		_, data, err := receive(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "after", string(data))
		require.Empty(t, answered)
		require.Zero(t, peer.Conn().(*wstest.End).Buffered(), "pongs are not answered")
	})
}

// TestThePongOfAPingThatWasGivenUpAnswersOlderOnes: a peer may answer only the newest ping (§5.5.3), for which nobody waits
// any more.
func TestThePongOfAPingThatWasGivenUpAnswersOlderOnes(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		answered := make(chan error, 1)
		go func() {
			_, err := c.Ping(within(t, time.Hour))
			answered <- err
		}()
		peer.Receive()
		var newest wstest.Frame
		for range 3 {
			go c.Ping(within(t, time.Second))
			newest = peer.Receive()
			<-time.After(2 * time.Second)
		}
		peer.Send(pong(string(newest.Payload)))
		require.NoError(t, <-answered)
	})
}

func TestAPingWhileNobodyReadsSaysSo(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		answered := pinging(within(t, time.Second), c)
		peer.Receive()
		err := (<-answered).err
		require.ErrorIs(t, err, conn.ErrNobodyReads)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		reading(c)
		answered = pinging(within(t, time.Second), c)
		peer.Receive()
		err = (<-answered).err
		require.NotErrorIs(t, err, conn.ErrNobodyReads)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestPingsAndPongsOfOnesOwn(t *testing.T) {
	long := []byte(strings.Repeat("x", frame.MaxControlPayload))
	withDriversOver(t, &setup{Config: conn.Config{SendQueue: 1000}}, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Pong(t.Context(), long))
		require.Equal(t, pong(string(long)), peer.Receive())
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		w.Write([]byte("in the"))
		require.NoError(t, w.Flush())
		require.NoError(t, c.SendPong(nil))
		require.NoError(t, c.SendPing([]byte("between")))
		w.Write([]byte(" middle"))
		require.NoError(t, w.Close())
		for _, want := range []wstest.Frame{begin("in the"), pong(""), ping("between"), last(" middle")} {
			require.Equal(t, want, peer.Receive())
		}
		long := append(long, 'x')
		require.ErrorIs(t, c.Pong(t.Context(), long), conn.ErrControlTooLong)
		require.ErrorIs(t, c.SendPong(long), conn.ErrControlTooLong)
		require.ErrorIs(t, c.SendPing(long), conn.ErrControlTooLong)
		for err = error(nil); err == nil; {
			err = c.SendPing(long[1:]) // and the peer reads nothing
		}
		require.ErrorIs(t, err, conn.ErrQueueFull)
	})
}

func TestHooksSeePingsAndPongs(t *testing.T) {
	var pings, pongs []string
	cfg := &setup{Config: conn.Config{OnPing: func(_ *conn.Conn, payload []byte) (bool, error) {
		pings = append(pings, string(payload))
		return len(pings)%2 == 1, nil
	}, OnPong: func(_ *conn.Conn, payload []byte) error {
		pongs = append(pongs, string(payload))
		return nil
	}}}
	withDriversOver(t, cfg, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		pings, pongs = nil, nil
		peer.Send(ping("answered"), pong("a"), ping("not answered"), ping("once more"), text("end"))
		_, _, err := receive(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, []string{"answered", "not answered", "once more"}, pings)
		require.Equal(t, []string{"a"}, pongs)
		require.Equal(t, pong("answered"), peer.Receive())
		require.Equal(t, pong("once more"), peer.Receive())
	})
}

// TestNoPongGoesOutBehindACloseFrame: there were more pings than pongs that may wait, so the newest is answered when there
// is room again, unless this side has closed.
func TestNoPongGoesOutBehindACloseFrame(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		message := binary(string(make([]byte, 1000)))
		require.NoError(t, c.Send(conn.Binary, message.Payload))
		ended := reading(c)
		for range 100 {
			peer.Send(ping("p"))
		}
		synctest.Wait()
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "bye") })
		synctest.Wait()
		peer.Send(ping("behind"))
		peer.Expect(message)
		f := peer.Receive()
		for f.Opcode == frame.Pong {
			f = peer.Receive()
		}
		require.Equal(t, bye, f)
		synctest.Wait()
		require.Zero(t, peer.Conn().(*wstest.End).Buffered())
		peer.Send(bye)
		require.NoError(t, <-closed)
		<-ended
		halfClose(peer)
		require.Empty(t, everything(t, peer))
	})
}

func TestPongsCoalesceOnlyWhileTooManyWait(t *testing.T) {
	// The network takes a few of them, and then those that were to be written with the next.
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		for range 3 {
			var flood []wstest.Frame
			for i := range 40 {
				flood = append(flood, ping(strings.Repeat("x", i)))
			}
			peer.Send(flood...)
			synctest.Wait()
			answers := 1
			for f := peer.Receive(); len(f.Payload) < 39; f = peer.Receive() {
				answers++
			}
			require.Less(t, answers, 40, "the newest of those that waited")
			synctest.Wait()
			peer.Send(ping("a"), ping("b"), ping("c"))
			for _, payload := range []string{"a", "b", "c"} {
				require.Equal(t, pong(payload), peer.Receive())
			}
		}
	})
}
