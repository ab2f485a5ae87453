package conn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func echo(c *conn.Conn, m conn.Message) error {
	return c.Write(context.Background(), m.Type, m.Data)
}

// serving runs Serve and returns what it will return.
func serving(ctx context.Context, c *conn.Conn, handle func(*conn.Conn, conn.Message) error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, handle) }()
	return ended
}

// inBothRolesCounted also counts what c does to its net.Conn.
func inBothRolesCounted(t *testing.T, f func(t *testing.T, c *conn.Conn, peer *wstest.Peer, nc *wstest.FaultyConn)) {
	var nc *wstest.FaultyConn
	count := func(end *wstest.End) net.Conn { nc = wstest.Faulty(end); return nc }
	inBothRolesOver(t, nil, 0, count, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) { f(t, c, peer, nc) })
}

// numbered are messages that tell their number.
func numbered(n int) (m []wstest.Frame) {
	for i := range n {
		m = append(m, text(fmt.Sprintf("message %d", i)))
	}
	return m
}

func buffered(peer *wstest.Peer) int { return peer.Conn().(*wstest.End).Buffered() }

func TestServeAnswersABurstWithFewWrites(t *testing.T) {
	handlers := map[string]func(*conn.Conn, conn.Message) error{
		"Write": echo,
		"Send":  func(c *conn.Conn, m conn.Message) error { return c.Send(m.Type, m.Data) },
		"Writer": func(c *conn.Conn, m conn.Message) error {
			return writes["Writer"](context.Background(), c, m.Type, m.Data)
		},
		"WritePrepared": func(c *conn.Conn, m conn.Message) error {
			return c.WritePrepared(context.Background(), conn.Prepare(m.Type, m.Data))
		},
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			inBothRolesCounted(t, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, nc *wstest.FaultyConn) {
				burst := numbered(10) // in one read
				peer.Send(burst...)
				start := time.Now()
				serving(t.Context(), c, handle)
				peer.Expect(burst...)
				require.Zero(t, time.Since(start), "the burst is over, so its replies do not wait for the clock")
				if name != "Writer" { // waits for its own frames
					require.Equal(t, 1, nc.Calls(wstest.OpWrite))
				}
			})
		})
	}
}

func TestServeGathersUpTo16KiB(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reply := make([]byte, 1000)
		handled, fifty, wait := 0, make(chan struct{}), make(chan struct{})
		peer.Send(numbered(200)...)
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			synctest.Wait() // for whoever writes what was gathered before
			handled++
			if handled == 50 {
				close(fifty)
				<-wait
			}
			return c.Write(t.Context(), conn.Binary, reply)
		})
		<-fifty
		require.GreaterOrEqual(t, buffered(peer), 49_000-17_000, "more than 16 KiB do not wait")
		require.Less(t, buffered(peer), 49_000, "and less does")
		close(wait)
		for range 200 {
			peer.Expect(binary(string(reply)))
		}
	})
}

func TestServeGathersCompressedAnswers(t *testing.T) {
	cfg := &setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: compressAll}}
	inBothRoles(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		handled := 0
		peer.Send(numbered(3)...)
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			handled++
			err := c.Send(m.Type, m.Data)
			synctest.Wait() // for whoever might write
			if handled < 3 && c.BufferedAmount() == 0 {
				return fmt.Errorf("the answer to message %d did not wait for the next one", handled)
			}
			return err
		})
		for range 3 {
			require.Equal(t, frame.Text, peer.Receive().Opcode)
		}
	})
}

func TestMessagesGathersNothing(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(numbered(3)...)
		answered := 0
		for m, err := range c.Messages(t.Context()) {
			require.NoError(t, err)
			require.NoError(t, echo(c, m))
			require.Zero(t, c.BufferedAmount(), "it is on the wire")
			if answered++; answered == 3 {
				break
			}
		}
		peer.Expect(numbered(3)...)
	})
}

func TestServeDoesNotHoldBackAnAnswerForAMessageThatHasBegunToCome(t *testing.T) {
	for _, size := range []int{10, 125, 126, 1000, 70_000} {
		inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			first, second := text("first"), binary(string(pattern(size)))
			b := peer.Encode(first, second)
			peer.SendRaw(b[:min(len(b)-1, 600)])
			serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
				if err := echo(c, m); c.BufferedAmount() != 0 {
					return fmt.Errorf("%d bytes are held back: %w", c.BufferedAmount(), err)
				}
				return nil
			})
			peer.Expect(first)
			if len(b) > 600 {
				peer.SendRaw(b[600 : len(b)-1])
			}
			peer.SendRaw(b[len(b)-1:])
			peer.Expect(second)
		})
	}
}

// Once something is gathered, the reply to the last whole message goes out with it, and neither waits for the rest of the next.
func TestABurstThatEndsWithinAMessageIsAnsweredAtOnce(t *testing.T) {
	inBothRolesCounted(t, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, nc *wstest.FaultyConn) {
		burst := numbered(3)
		b := peer.Encode(burst...)
		peer.SendRaw(b[:len(b)-1])
		start := time.Now()
		serving(t.Context(), c, echo)
		peer.Expect(burst[:2]...)
		require.Zero(t, time.Since(start), "without waiting for the clock")
		require.Equal(t, 1, nc.Calls(wstest.OpWrite))
		peer.SendRaw(b[len(b)-1:])
		peer.Expect(burst[2])
		require.Zero(t, time.Since(start))
	})
}

func TestASlowCallbackDoesNotHoldBackTheRepliesBeforeIt(t *testing.T) {
	quick, slow, next := text("quick, and long enough to be read with the next"), text("slow"), text("next")
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 3 { // the timer is used again
			peer.Send(quick, slow, next)
			start := time.Now()
			ctx, stop := context.WithCancel(t.Context())
			ended := serving(ctx, c, func(c *conn.Conn, m conn.Message) error {
				if string(m.Data) == "slow" {
					<-time.After(time.Second)
				}
				return echo(c, m)
			})
			peer.Expect(quick)
			require.LessOrEqual(t, time.Since(start), time.Millisecond)
			peer.Expect(slow, next)
			require.Equal(t, time.Second, time.Since(start))
			stop()
			require.ErrorIs(t, <-ended, context.Canceled)
		}
	})
}

func TestWhenServeEndsNothingIsHeldBack(t *testing.T) {
	enough := errors.New("enough")
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		peer.Send(numbered(3)...) // in one read, so the answer to the first waits for the others
		require.Equal(t, enough, c.Serve(t.Context(), func(c *conn.Conn, m conn.Message) error {
			if err := echo(c, m); err != nil {
				return err
			}
			return enough
		}))
		peer.Expect(numbered(1)...)
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("after it")))
		peer.Expect(text("after it"))
		require.Zero(t, time.Since(start))
	})
}

func TestServeDoesNotHoldBackAnAnswerToASingleMessage(t *testing.T) {
	inBothRolesCounted(t, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, nc *wstest.FaultyConn) {
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			before := nc.Calls(wstest.OpWrite)
			err := echo(c, m)
			if nc.Calls(wstest.OpWrite) == before {
				return errors.New("Write returned and the reply is not on the wire")
			}
			return err
		})
		start := time.Now()
		for n := range 20 {
			m := text(strings.Repeat("x", n*n*10))
			peer.Send(m)
			peer.Expect(m)
			require.Equal(t, n+1, nc.Calls(wstest.OpWrite))
		}
		require.Zero(t, time.Since(start))
	})
}

func TestServeAnswersPingsWithinABurst(t *testing.T) {
	inBothRolesCounted(t, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, nc *wstest.FaultyConn) {
		peer.Send(text("1"), text("2"), begin("3"), ping("between"), last("!"), text("4"), ping("last"))
		serving(t.Context(), c, echo)
		start := time.Now()
		peer.Expect(text("1"), text("2"), pong("between"), text("3!"), text("4"), pong("last"))
		require.LessOrEqual(t, time.Since(start), time.Millisecond)
		require.LessOrEqual(t, nc.Calls(wstest.OpWrite), 5)
	})
}

func TestServeReturnsTheErrorOfTheCallbackAndSendsWhatItGathered(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		enough := errors.New("enough")
		answered := text("answered before the callback refuses the next")
		peer.Send(answered, text("refused"), text("read later"))
		err := c.Serve(t.Context(), func(c *conn.Conn, m conn.Message) error {
			if string(m.Data) == "refused" {
				return enough
			}
			return echo(c, m)
		})
		require.Equal(t, enough, err)
		require.Equal(t, conn.StateOpen, c.State())
		peer.Expect(answered)
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "read later", string(data))
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("at once")))
		require.Positive(t, buffered(peer), "gathering has ended")
		peer.Expect(text("at once"))
	})
}

func TestFlushSendsWhatServeGathered(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		wait := make(chan struct{})
		defer close(wait)
		flushed := text("flushed although another message has come")
		peer.Send(flushed, text("waits"))
		start := time.Now()
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			if string(m.Data) == "waits" {
				<-wait
			}
			if err := echo(c, m); err != nil {
				return err
			}
			return c.Flush(t.Context())
		})
		peer.Expect(flushed)
		require.Zero(t, time.Since(start))
	})
}

func TestOthersMayWriteWhileServeGathers(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("a"), text("b"))
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			done := make(chan error)
			go func() { done <- echo(c, m) }()
			return <-done
		})
		peer.Expect(text("a"), text("b"))
	})
}

func TestServeEndsWithItsContextAndTheConnectionGoesOn(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 3 {
			require.ErrorIs(t, c.Serve(within(t, time.Second), echo), context.DeadlineExceeded)
			peer.Send(text("x"))
			_, _, err := c.Read(t.Context())
			require.NoError(t, err)
		}
	})
}

func TestACallbackMayCloseTheConnection(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("answered"), text("close"), text("not handled"))
		ended := serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			if string(m.Data) == "close" {
				return c.Close(conn.StatusGoingAway, "enough")
			}
			return echo(c, m)
		})
		peer.Expect(text("answered"), closing(conn.StatusGoingAway, "enough"))
		peer.Send(closing(conn.StatusGoingAway, ""))
		peer.Conn().Close()
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusGoingAway, WasClean: true}, nil)
	})
}

func TestServeEndsWithThePeer(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("last words"), closing(conn.StatusNormalClosure, "bye"))
		ended := serving(t.Context(), c, echo)
		peer.Expect(text("last words"), closing(conn.StatusNormalClosure, "bye"))
		peer.Conn().Close()
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true, WasClean: true}, nil)
	})
}

func TestServeHandsOutMessagesOfAnyLength(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		large := string(pattern(300_000))
		go peer.Send(binary(large), begin(large[:5]), more(large[5:9000]), last(large[9000:20_000]), text(""), binary(large[:5000]))
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			defer clear(m.Data) // it is the callback's until it returns
			return echo(c, m)
		})
		peer.Expect(binary(large), text(large[:20_000]), text(""), binary(large[:5000]))
	})
}

// TestAfterServeAPeerThatDoesNotReadDoesNotKeepThisSideFromReading: neither what waits nor what was gathered does.
func TestAfterServeAPeerThatDoesNotReadDoesNotKeepThisSideFromReading(t *testing.T) {
	inBothRolesOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		done := errors.New("done")
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000))) // stops in the middle
		synctest.Wait()
		go peer.Send(text("answered although nobody reads the answer"), text("the end"))
		require.Equal(t, done, c.Serve(t.Context(), func(c *conn.Conn, m conn.Message) error {
			if string(m.Data) == "the end" {
				return done
			}
			return c.Send(m.Type, m.Data)
		}))
		require.NoError(t, c.Send(conn.Text, []byte("waits")))
		go func() {
			<-time.After(time.Second)
			peer.Send(text("hello"))
		}()
		_, data, err := c.Read(within(t, time.Minute))
		require.NoError(t, err)
		require.Equal(t, "hello", string(data))
	})
}

func TestInServeAPeerThatDoesNotReadDoesNotKeepThisSideFromReading(t *testing.T) {
	inBothRolesOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		handled := make(chan string, 10)
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			handled <- string(m.Data)
			return c.Send(conn.Binary, make([]byte, 1000)) // never blocks
		})
		for _, m := range []string{"1", "2", "3"} {
			peer.Send(text(m))
			synctest.Wait()
		}
		require.Len(t, handled, 3)
	})
}

func TestNothingIsGatheredWhileServeWaits(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("a"), pong("a whole frame behind the last message"))
		go c.Serve(t.Context(), func(*conn.Conn, conn.Message) error { return nil })
		synctest.Wait()
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("hello")))
		require.Zero(t, c.BufferedAmount())
	})
}

func TestNothingIsGatheredForLongAfterServePanicked(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("a"), text("b"))
		require.Panics(t, func() { c.Serve(t.Context(), func(*conn.Conn, conn.Message) error { panic("x") }) })
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("within a moment")))
		<-time.After(time.Second)
		require.Zero(t, c.BufferedAmount())
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("at once")))
		require.Zero(t, c.BufferedAmount())
	})
}

// TestServeReadsOnWhileOthersMessagesWait is about a peer that takes nothing until its own messages are read, as one does that
// writes before it reads, or that serves as this side does.
func TestServeReadsOnWhileOthersMessagesWait(t *testing.T) {
	inBothRolesOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		var written <-chan error
		third := make(chan struct{})
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			switch string(m.Data) {
			case "first": // while which the second has arrived
				written = inBackground(func() error { return c.Write(context.Background(), conn.Binary, pattern(1000)) })
				synctest.Wait()
			case "third":
				close(third)
			}
			return nil
		})
		peer.Send(text("first"), text("second"))
		peer.Send(text("third"), binary(string(pattern(10_000))))
		<-third
		peer.Expect(binary(string(pattern(1000))))
		require.NoError(t, <-written)
	})
}

func TestServeReadsOnWhileItsAnswersWait(t *testing.T) {
	inBothRolesOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		const messages = 40 // the peer reads none of the answers before it has sent all, and they fit the queue of Send
		handled := 0
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			handled++
			return c.Send(conn.Binary, pattern(1000))
		})
		peer.Send(numbered(messages)...)
		synctest.Wait()
		require.Equal(t, messages, handled)
		for range messages {
			peer.Expect(binary(string(pattern(1000))))
		}
	})
}

// TestCloseBesideServeReadsOnWhileAnswersWait is about a peer that takes nothing until its own message is read.
func TestCloseBesideServeReadsOnWhileAnswersWait(t *testing.T) {
	inBothRolesOver(t, &setup{}, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		blocked := inBackground(func() error { return c.Write(context.Background(), conn.Binary, pattern(1000)) })
		synctest.Wait()
		closed := make(chan error, 1)
		first := true
		serving(t.Context(), c, func(c *conn.Conn, m conn.Message) error {
			if first {
				first = false
				require.NoError(t, c.Send(conn.Binary, pattern(1000)), "which waits for the answer to the next message")
				go func() { closed <- c.Close(conn.StatusNormalClosure, "bye") }()
				synctest.Wait()
			}
			return nil
		})
		peer.Send(text("one"), text("two"), binary(string(pattern(10_000))))
		peer.Expect(binary(string(pattern(1000))), binary(string(pattern(1000))), closing(conn.StatusNormalClosure, "bye"))
		require.NoError(t, <-blocked)
		peer.Send(closing(conn.StatusNormalClosure, "bye"))
		hangUp(peer)
		require.NoError(t, <-closed)
		require.Zero(t, time.Since(start))
	})
}
