package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
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

// eof returns what ends the frames of the other end, which is under test.
func eof(peer *wstest.Peer) <-chan error {
	return inBackground(func() error { _, err := peer.TryReceive(); return err })
}

func TestAServerLetsTCPGoAtOnceAndAClientAfterTheServer(t *testing.T) {
	for name, weClose := range map[string]bool{"Close": true, "Read": false} {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				start := time.Now()
				var ended <-chan error
				if weClose {
					ended = inBackground(func() error { return errors.Join(c.Close(conn.StatusNormalClosure, "bye"), c.Err()) })
				} else {
					ended = reading(c)
				}
				peer.Send(bye)
				peer.Expect(bye)
				requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: c.Err().(*conn.CloseError).Remote, WasClean: true}, nil)
				require.Zero(t, time.Since(start), "that is told at once")
				end := eof(peer)
				if !isServer(peer) {
					<-time.After(2 * time.Second)
					require.Empty(t, end)
					halfClose(peer)
				}
				require.ErrorIs(t, <-end, io.EOF)
			})
		})
	}
}

func TestAClientDoesNotWaitForAServerForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := newConn(t, frame.Client, &setup{Config: conn.Config{CloseTimeout: 3 * time.Second}})
		ended := reading(c)
		start := time.Now()
		peer.Send(bye)
		peer.Expect(bye)
		<-ended
		for range 2 { // what a server sends after its close frame keeps nobody
			peer.SendRaw(make([]byte, 100))
			<-time.After(time.Second)
		}
		require.ErrorIs(t, <-eof(peer), io.EOF)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.NoError(t, c.CloseNow())
	})
}

func TestCloseNowLeavesNothingOfAClientThatWaitsForItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := newConn(t, frame.Client, nil)
		start := time.Now()
		peer.Send(bye)
		require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
		require.NoError(t, c.CloseNow()) // the bubble sees what is left
		_, err := peer.Conn().Write(nil)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.NoError(t, c.CloseNow())
		require.Zero(t, time.Since(start))
	})
}

func TestAClientOverTLSWaitsForItsServer(t *testing.T) {
	for name, end := range map[string]func(c *conn.Conn, server net.Conn){
		"server closes": func(_ *conn.Conn, server net.Conn) { server.(*tls.Conn).CloseWrite() },
		"timeout":       func(*conn.Conn, net.Conn) { <-time.After(conn.DefaultCloseTimeout) },
		"CloseNow":      func(c *conn.Conn, _ net.Conn) { c.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := tlsPair(t, 0)
				c, peer := conn.Client(near, nil, nil), wstest.NewPeer(t, far, frame.Server)
				peer.Send(bye)
				require.NoError(t, c.Close(conn.StatusNormalClosure, "bye"))
				peer.Expect(bye)
				start := time.Now()
				end(c, far)
				_, err := far.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, name == "timeout", time.Since(start) == conn.DefaultCloseTimeout)
				c.CloseNow()
			})
		})
	}
}

func TestACloseThatIsNotAnsweredEndsAfterCloseTimeout(t *testing.T) {
	for name, peerDoes := range map[string]func(peer *wstest.Peer){
		"nothing":        func(*wstest.Peer) {},
		"messages":       func(p *wstest.Peer) { p.Send(text("one")) },
		"pings":          func(p *wstest.Peer) { p.Send(ping("")) },
		"part of a byte": func(p *wstest.Peer) { p.SendRaw(p.Encode(bye)[:1]) },
	} {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(name, func(t *testing.T) {
				withDrivers(t, &setup{Config: conn.Config{CloseTimeout: timeout}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					start := time.Now()
					peerDoes(peer)
					err := c.Close(conn.StatusNormalClosure, "")
					requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
					if timeout == 0 {
						timeout = conn.DefaultCloseTimeout
					}
					require.Equal(t, timeout, time.Since(start))
				})
			})
		}
	}
}

func TestAFrameThatDripsInDoesNotHoldUpAClose(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		stop := make(chan struct{})
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for _, b := range peer.Encode(binary(string(pattern(1000)))) {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
					peer.Conn().Write([]byte{b})
				}
			}
		}()
		start := time.Now()
		err := c.Close(conn.StatusNormalClosure, "")
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(start))
		close(stop)
		<-stopped
	})
}

func TestACloseFrameMayDripIn(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "done") })
		start := time.Now()
		for _, b := range peer.Encode(bye) {
			<-time.After(100 * time.Millisecond)
			require.Empty(t, closed, "after %v", time.Since(start))
			peer.SendRaw([]byte{b})
		}
		require.NoError(t, <-closed)
		last := time.Duration(len(peer.Encode(bye))) * 100 * time.Millisecond
		require.Equal(t, last, time.Since(start), "its last byte is the end, and not the timeout")
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", WasClean: true}, nil)
		peer.Expect(closing(conn.StatusNormalClosure, "done"))
	})
}

func TestACloseToAPeerThatDoesNotReadIsBounded(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		start := time.Now()
		err := c.Close(conn.StatusNormalClosure, "")
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(start))
	})
}

func TestAnAnswerThatCannotBeSentIsBounded(t *testing.T) {
	for name, theirs := range map[string]wstest.Frame{"close": bye, "broken rule": wstest.Whole(7, "")} {
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
				ended := reading(c)
				start := time.Now()
				peer.Send(theirs)
				var e *conn.CloseError
				require.ErrorAs(t, <-ended, &e)
				require.False(t, e.WasClean)
				require.Equal(t, name == "close", e.Remote)
				require.Equal(t, conn.DefaultCloseTimeout, time.Since(start))
			})
		})
	}
}

// TestAContextCutsClosingAndTheNextCallGoesOn: with a client it is the wait for the server that is cut, with a server the
// sending of its answer.
func TestAContextCutsClosingAndTheNextCallGoesOn(t *testing.T) {
	next := map[string]func(*conn.Conn) error{
		"Read": func(c *conn.Conn) error { _, _, err := receive(context.Background(), c); return err },
		"Serve": func(c *conn.Conn) error {
			if c.EventDriven() { // the loop serves
				return <-reading(c)
			}
			return c.Serve(context.Background(), echo)
		},
		"Close": func(c *conn.Conn) error { c.Close(conn.StatusGoingAway, ""); return c.Err() },
	}
	for name, goOn := range next {
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
				peer.Send(bye)
				for range 3 {
					_, _, err := receive(within(t, time.Second), c)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.Equal(t, conn.StateClosing, c.State())
				}
				require.ErrorIs(t, c.Write(t.Context(), conn.Text, nil), conn.ErrCloseSent)
				ended := inBackground(func() error { return goOn(c) })
				peer.Expect(binary(string(make([]byte, 1000))), bye)
				halfClose(peer)
				peer.ExpectEOF()
				requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true, WasClean: true}, nil)
			})
		})
	}
}

// TestClosingEndsInTimeAlsoIfNobodySeesToIt: a writer was abandoned, and a reader waits for a peer that does not answer;
// or the call that had begun to answer the peer was cut, and none goes on from there.
func TestClosingEndsInTimeAlsoIfNobodySeesToIt(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		w, err := c.Writer(within(t, time.Second), conn.Binary)
		require.NoError(t, err)
		_, err = w.Write(pattern(3 * conn.DefaultFragmentSize))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Error(t, w.Close())
		start := time.Now()
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusAbnormalClosure}, conn.ErrCloseTimeout)
		require.InDelta(t, conn.DefaultCloseTimeout, time.Since(start), float64(time.Second))
	})
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		start := time.Now()
		peer.Send(bye)
		_, _, err := receive(within(t, time.Second), c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-c.Done()
		require.InDelta(t, conn.DefaultCloseTimeout, time.Since(start), float64(time.Second))
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true}, conn.ErrCloseTimeout)
	})
}

func TestTheClockOfClosingStartsWithTheFirstCloseFrame(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		start := time.Now()
		peer.Send(bye)
		_, _, err := receive(within(t, 4*time.Second), c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Error(t, c.Close(conn.StatusNormalClosure, ""))
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(start), "not once per call")
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true}, conn.ErrCloseTimeout)
	})
}

// TestAMessageStillReachesAReaderAtWorkWhileThisSideCloses leaves Reader out: that takes several calls, and Close reads
// the rest once the first is over.
func TestAMessageStillReachesAReaderAtWorkWhileThisSideCloses(t *testing.T) {
	type result struct {
		got got
		err error
	}
	for _, way := range []string{"Read", "ReadAppend", "Messages"} {
		t.Run(way, func(t *testing.T) {
			inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				results := make(chan result, 1)
				go func() {
					m, err := ways[way](context.Background(), c)
					results <- result{m, err}
				}()
				synctest.Wait()
				closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
				peer.Expect(closing(conn.StatusNormalClosure, ""))
				peer.Send(text("late"), closing(conn.StatusNormalClosure, ""))
				halfClose(peer)
				require.Equal(t, result{got{conn.Text, "late"}, nil}, <-results)
				require.NoError(t, <-closed)
			})
		})
	}
}

func TestAReaderOfAMessageEndsWithAClose(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(begin("some of"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 4))
		require.NoError(t, err)
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		peer.Expect(closing(conn.StatusNormalClosure, ""))
		synctest.Wait() // until Close reads
		waits := inBackground(func() error { _, err := r.Read(make([]byte, 10)); return err })
		synctest.Wait()
		require.Empty(t, waits)
		peer.Send(last(" it"), closing(conn.StatusNormalClosure, ""))
		halfClose(peer)
		require.NoError(t, <-closed)
		require.Equal(t, c.Err(), <-waits)
	})
}

// TestAReaderNeverSeesWhatCloseThrewAway: a reader waits for its turn while Close reads, and Close gives up just then. The
// part that the reader still has lies in memory that was given back.
func TestAReaderNeverSeesWhatCloseThrewAway(t *testing.T) {
	for range 500 {
		synctest.Test(t, func(t *testing.T) {
			c, peer := newConn(t, frame.Server, nil)
			defer hangUp(peer)
			peer.Send(begin("not read to its end"))
			_, r, err := c.Reader(t.Context())
			require.NoError(t, err)
			_, err = io.ReadFull(r, make([]byte, 4))
			require.NoError(t, err)
			closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
			synctest.Wait()
			peer.Send(more("thrown away"))
			reads := inBackground(func() error { _, err := r.Read(make([]byte, 50)); return err })
			require.ErrorIs(t, <-closed, conn.ErrCloseTimeout)
			err = <-reads
			require.Same(t, c.Err(), err)
		})
	}
}

func TestAfterABrokenRuleThisSideHalfClosesAndWaits(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		start := time.Now()
		peer.Send(wstest.Whole(7, ""))
		peer.Expect(closing(conn.StatusProtocolError, "reserved opcode"))
		peer.ExpectEOF()
		for range 100 { // read and thrown away, so that no reset overtakes the close frame
			peer.SendRaw(make([]byte, 10_000))
		}
		<-time.After(time.Second)
		require.Empty(t, ended)
		hangUp(peer)
		<-ended
		require.Equal(t, time.Second, time.Since(start))
	})
}

// oneWay hides CloseWrite, as a net.Conn that is no socket may not have it.
type oneWay struct{ net.Conn }

func TestAfterABrokenRuleWithoutHalfCloseAServerLetsGo(t *testing.T) {
	hide := func(end *wstest.End) net.Conn { return oneWay{end} }
	inBothRolesOver(t, nil, 0, hide, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		peer.Send(wstest.Whole(7, ""))
		peer.Expect(closing(conn.StatusProtocolError, "reserved opcode"))
		if !isServer(peer) {
			synctest.Wait()
			require.Empty(t, ended, "a client waits for the server")
			hangUp(peer)
		}
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusProtocolError, Reason: "reserved opcode"}, unwrapped(c))
	})
}

func unwrapped(c *conn.Conn) error { return c.Err().(*conn.CloseError).Err }
