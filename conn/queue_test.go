package conn_test

import (
	"context"
	encoding "encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// headerSize is the size of the headers that c sends for short messages.
func headerSize(peer *wstest.Peer) int {
	if peer.Encode(text(""))[1] == 0 {
		return 6 // the peer does not mask, so c does
	}
	return 2
}

func TestSendNeverBlocksAndItsQueueIsBounded(t *testing.T) {
	withDriversOver(t, &setup{Config: conn.Config{SendQueue: 1000}}, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		large := string(pattern(5000))
		require.NoError(t, c.Send(conn.Binary, []byte(large)), "one message is accepted in any case when nothing waits")
		require.ErrorIs(t, c.Send(conn.Text, nil), conn.ErrQueueFull)
		require.ErrorIs(t, c.SendPrepared(conn.Prepare(conn.Text, nil)), conn.ErrQueueFull)
		require.Zero(t, time.Since(start))
		peer.Expect(binary(large))
		require.NoError(t, c.Flush(t.Context()))

		accepted := 0
		for c.Send(conn.Text, make([]byte, 90)) == nil {
			accepted++
			require.LessOrEqual(t, c.BufferedAmount(), int64(1000))
		}
		// 1000 bytes, of which 64 are in the pipe already, at 90 and a header of up to 14 for each.
		require.InDelta(t, 10, accepted, 1)
		for range accepted {
			peer.Expect(text(string(make([]byte, 90))))
		}
		require.NoError(t, c.Flush(t.Context()))
		require.NoError(t, c.Send(conn.Text, nil), "there is room again")
		peer.Expect(text(""))
	})
}

func TestSendFillsItsQueueToTheLastByte(t *testing.T) {
	const longest = 14 // bytes of a header
	inBothRolesOver(t, &setup{Config: conn.Config{SendQueue: 1000}}, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Text, make([]byte, 200)))
		synctest.Wait()
		room := 1000 - int(c.BufferedAmount()) - longest
		require.ErrorIs(t, c.Send(conn.Text, make([]byte, room+1)), conn.ErrQueueFull)
		require.NoError(t, c.Send(conn.Text, make([]byte, room)))
	})
}

func TestSendDuringAWriterIsBoundedToo(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{SendQueue: 1000}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = w.Write(pattern(conn.DefaultFragmentSize + 1))
		require.NoError(t, err)
		accepted := 0
		for c.Send(conn.Text, make([]byte, 100)) == nil {
			accepted++
		}
		require.Equal(t, 8, accepted)
		require.NoError(t, w.Close())
		require.NoError(t, c.Flush(t.Context()))
		peer.Expect(begin(string(pattern(conn.DefaultFragmentSize))), last(string(pattern(conn.DefaultFragmentSize + 1)[conn.DefaultFragmentSize:])))
		for range accepted {
			peer.Expect(text(string(make([]byte, 100))))
		}
	})
}

func TestFlushWaitsForWhatSendLeftForTheEndOfAWriter(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = w.Write(pattern(conn.DefaultFragmentSize + 1))
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, []byte("sent")))
		require.ErrorIs(t, c.Flush(within(t, time.Second)), context.DeadlineExceeded)
		flushed := inBackground(func() error { return c.Flush(t.Context()) })
		synctest.Wait()
		require.Empty(t, flushed)
		require.Positive(t, c.BufferedAmount())
		require.NoError(t, w.Close())
		require.NoError(t, <-flushed)
		require.Zero(t, c.BufferedAmount())
		peer.Receive()
		peer.Receive()
		peer.Expect(text("sent"))
	})
}

func TestFlushTellsThatAnAbandonedWriterTookSentMessagesAlong(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(within(t, time.Second), conn.Binary)
		require.NoError(t, err)
		_, err = w.Write(pattern(3 * conn.DefaultFragmentSize))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, c.Send(conn.Text, []byte("never sent")))
		require.Error(t, w.Close())
		require.ErrorIs(t, c.Flush(t.Context()), conn.ErrCloseSent)
	})
}

func TestBufferedAmountCountsWhatIsNotOnTheWire(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.Zero(t, c.BufferedAmount())
		frameSize, taken := headerSize(peer)+100, 0
		if c.EventDriven() { // whose writes do not wait, so that it is known
			taken = 64
		}
		for n := range 5 {
			require.NoError(t, c.Send(conn.Text, make([]byte, 100)))
			if n > 0 { // else perhaps nothing is taken yet
				require.EqualValues(t, (n+1)*frameSize-taken, c.BufferedAmount())
			}
			synctest.Wait()
			require.EqualValues(t, (n+1)*frameSize-taken, c.BufferedAmount())
		}
		flushed := make(chan error, 1)
		go func() { flushed <- c.Flush(t.Context()) }()
		synctest.Wait()
		require.Empty(t, flushed)
		for range 5 {
			peer.Expect(text(string(make([]byte, 100))))
		}
		require.NoError(t, <-flushed)
		require.Zero(t, c.BufferedAmount())
	})
}

func TestMessagesSentAtOnceShareAWrite(t *testing.T) {
	var nc *wstest.FaultyConn
	count := func(end *wstest.End) net.Conn { nc = wstest.Faulty(end); return nc }
	inBothRolesOver(t, nil, 64, count, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Text, make([]byte, 100))) // stops in the middle
		synctest.Wait()
		for range 50 {
			require.NoError(t, c.Send(conn.Text, []byte("x")))
		}
		peer.Receive()
		for range 50 {
			peer.Expect(text("x"))
		}
		require.NoError(t, c.Flush(t.Context()))
		require.Equal(t, 2, nc.Calls(wstest.OpWrite))
	})
}

func TestAWriterThatIsCutClosesTheConnection(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		w, err := c.Writer(within(t, time.Second), conn.Binary)
		require.NoError(t, err)
		n, err := w.Write(pattern(3 * conn.DefaultFragmentSize))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, conn.DefaultFragmentSize, n)
		n, err = w.Write([]byte("more"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, n)
		require.ErrorIs(t, w.Close(), context.DeadlineExceeded)
		require.ErrorIs(t, w.Close(), conn.ErrWriterClosed)
		_, err = w.Write(nil)
		require.ErrorIs(t, err, conn.ErrWriterClosed)
		require.Equal(t, conn.StateClosing, c.State())
		require.ErrorIs(t, c.Write(t.Context(), conn.Text, nil), conn.ErrCloseSent, "the next message is let through to its error")

		peer.Expect(wstest.Frame{Opcode: frame.Binary, Payload: pattern(conn.DefaultFragmentSize)}, closing(conn.StatusInternalError, "message abandoned"))
		peer.Send(closing(conn.StatusInternalError, ""))
		peer.Conn().Close()
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusInternalError, WasClean: true}, nil)
	})
}

func TestSendComesBehindAWriterThatHasSentNothingYet(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, []byte("second")))
		_, err = io.WriteString(w, "first")
		require.NoError(t, err)
		require.NoError(t, c.SendPrepared(conn.Prepare(conn.Binary, []byte("third"))))
		require.Positive(t, c.BufferedAmount())
		flushed := inBackground(func() error { return c.Flush(t.Context()) })
		synctest.Wait()
		require.Empty(t, flushed)
		closed := inBackground(w.Close)
		peer.Expect(text("first"), text("second"), binary("third"))
		require.NoError(t, <-closed)
		require.NoError(t, <-flushed)
		require.Zero(t, c.BufferedAmount())
	})
}

func TestAWriterOfAConnectionThatTakesNothingMore(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		peer.Expect(closing(conn.StatusNormalClosure, ""))
		_, err := c.Writer(t.Context(), conn.Text)
		require.ErrorIs(t, err, conn.ErrCloseSent)
		require.ErrorIs(t, c.Write(t.Context(), conn.Text, nil), conn.ErrCloseSent, "nobody holds the turn")
		peer.Send(closing(conn.StatusNormalClosure, ""))
		halfClose(peer)
		require.NoError(t, <-closed)
		_, err = c.Writer(t.Context(), conn.Text)
		require.Same(t, c.Err(), err)
	})
}

func TestHowAConnectionEndedGoesBeforeHowACallDid(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	calls := map[string]func(c *conn.Conn) error{
		"Read":   func(c *conn.Conn) error { _, _, err := receive(gone, c); return err },
		"Write":  func(c *conn.Conn) error { return c.Write(gone, conn.Text, nil) },
		"Writer": func(c *conn.Conn) error { _, err := c.Writer(gone, conn.Text); return err },
		"Flush":  func(c *conn.Conn) error { return c.Flush(gone) },
		"Ping":   func(c *conn.Conn) error { _, err := c.Ping(gone); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
				require.ErrorIs(t, call(c), context.Canceled)
				c.CloseNow()
				require.Same(t, c.Err(), call(c))
			})
		})
	}
}

func TestAWriterWhoseLastFragmentIsRefusedClosesTheConnection(t *testing.T) {
	filler := make([]byte, frame.MaxControlPayload)
	withDriversOver(t, nil, 10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := c.Writer(ctx, conn.Text)
		require.NoError(t, err)
		go peer.Receive()
		_, err = io.WriteString(w, strings.Repeat("a", conn.DefaultFragmentSize+1))
		require.NoError(t, err, "the first fragment is on the wire")
		require.NoError(t, c.SendPong(filler))
		synctest.Wait() // it is being written, but the peer does not read: from now on all stays in the queue
		for range protocol.MaxQueued/len(filler) + 1 {
			require.NoError(t, c.SendPong(filler))
		}
		cancel()
		require.ErrorIs(t, w.Close(), context.Canceled)
		go c.Write(t.Context(), conn.Text, []byte("another message"))
		f := peer.Receive()
		for ; f.Opcode == frame.Pong; f = peer.Receive() {
		}
		require.Equal(t, frame.Close, f.Opcode, "%q follows a message that has no end", f.Payload)
	})
}

func TestAWriterMayBeClosedOnce(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = io.WriteString(w, "once")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.ErrorIs(t, w.Close(), conn.ErrWriterClosed)
		_, err = w.Write([]byte("x"))
		require.ErrorIs(t, err, conn.ErrWriterClosed)
		require.NoError(t, c.Write(t.Context(), conn.Text, nil), "the second Close let go of nothing")
		peer.Expect(text("once"), text(""))
	})
}

func TestNothingIsSentAfterACloseFrame(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = io.WriteString(w, "never ends")
		require.NoError(t, err)
		closed := make(chan error, 1)
		go func() { closed <- c.Close(conn.StatusGoingAway, "") }()
		peer.Expect(closing(conn.StatusGoingAway, ""))
		_, pingErr := c.Ping(t.Context())
		_, batchErr := c.WriteBatch(t.Context(), []*conn.Prepared{conn.Prepare(conn.Text, nil)})
		for _, err := range []error{
			c.Send(conn.Text, nil), c.SendPrepared(conn.Prepare(conn.Text, nil)), pingErr, w.Close(),
			c.Write(t.Context(), conn.Text, nil), c.WritePrepared(t.Context(), conn.Prepare(conn.Text, nil)),
			batchErr,
		} {
			require.ErrorIs(t, err, conn.ErrCloseSent)
			require.ErrorIs(t, err, net.ErrClosed)
			require.False(t, errors.As(err, new(*conn.CloseError)), "not ended yet")
		}
		require.NoError(t, c.Flush(t.Context()), "all that was accepted is on the wire")
		peer.Send(ping("ignored"), closing(conn.StatusGoingAway, ""))
		peer.Conn().(*wstest.End).CloseWrite()
		peer.ExpectEOF()
		require.NoError(t, <-closed)
	})
}

func TestEverythingReportsHowTheConnectionEnded(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		peer.Conn().Close()
		_, _, err = receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: true}, errors.Unwrap(err))
		require.ErrorContains(t, err, "without a close frame")
		_, pingErr := c.Ping(t.Context())
		_, writerErr := c.Writer(t.Context(), conn.Text)
		_, _, readerErr := c.Reader(t.Context())
		for _, also := range []error{
			c.Send(conn.Text, nil), pingErr, writerErr, readerErr, w.Close(), c.Write(t.Context(), conn.Text, nil),
			c.Flush(t.Context()), c.Close(conn.StatusNormalClosure, ""), c.CloseNow(),
			c.Serve(t.Context(), func(*conn.Conn, conn.Message) error { return nil }),
		} {
			require.Same(t, c.Err(), also)
		}
	})
}

func TestAPreparedMessageGoesToAnyConnection(t *testing.T) {
	data := []byte("prepared")
	p := conn.Prepare(conn.Text, data)
	clear(data)
	require.Equal(t, conn.Message{Type: conn.Text, Data: []byte("prepared")}, p.Message())
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 3 {
			require.NoError(t, c.WritePrepared(t.Context(), p))
			require.NoError(t, c.SendPrepared(p))
			peer.Expect(text("prepared"), text("prepared"))
		}
	})
	require.Equal(t, "prepared", string(p.Message().Data), "not masked in place")
}

func TestCloseSendsWhatWasAcceptedBehindAWriterThatHasSentNothing(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, []byte("accepted")))
		go c.Close(conn.StatusNormalClosure, "")
		peer.Expect(text("accepted"), closing(conn.StatusNormalClosure, ""))
		_, err = w.Write([]byte("late"))
		require.NoError(t, err)
		require.ErrorIs(t, w.Close(), conn.ErrCloseSent)
		c.CloseNow()
	})
}

func TestBufferedAmountIsExactWhileALongMessageGoesOut(t *testing.T) {
	withDriversOver(t, nil, 1000, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		const size = 300_000
		written := inBackground(func() error { return c.Write(context.Background(), conn.Binary, make([]byte, size)) })
		received := inBackground(func() error { peer.Expect(binary(string(make([]byte, size)))); return nil })
		for done := false; !done; { // at any moment, also in the middle of masking
			require.LessOrEqual(t, c.BufferedAmount(), int64(size+14))
			select {
			case err := <-written:
				require.NoError(t, err)
				done = true
			default:
				runtime.Gosched()
			}
		}
		require.NoError(t, <-received)
		require.Zero(t, c.BufferedAmount())
	})
}

// TestMessagesKeepTheirOrderWhileOthersGiveUpWaiting has the turn change hands all the time, and some give up waiting for it at the very
// moment when it comes.
func TestMessagesKeepTheirOrderWhileOthersGiveUpWaiting(t *testing.T) {
	const messages = 20_000
	far, near := tcpPair(t)
	c, peer := conn.Server(near, nil, &conn.Config{SendQueue: -1}), conn.Client(far, nil, nil)
	defer peer.CloseNow()
	ended := reading(c)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(5*time.Microsecond, cancel)
				if w, err := c.Writer(ctx, conn.Text); err == nil {
					cancel() // nothing of it goes out
					w.Close()
				}
				cancel()
			}
		})
	}
	all.Go(func() {
		for i := uint32(0); i < messages; i += 2 {
			if c.Send(conn.Binary, binary32(i)) != nil || c.Write(context.Background(), conn.Binary, binary32(i+1)) != nil {
				return
			}
		}
	})
	for n := uint32(0); n < messages; {
		typ, p, err := peer.Read(t.Context())
		require.NoError(t, err)
		if typ == conn.Binary { // one of theirs may have begun all the same
			require.Equal(t, binary32(n), p)
			n++
		}
	}
	close(stop)
	all.Wait()
	c.CloseNow()
	require.Error(t, <-ended)
}

func binary32(i uint32) []byte { return encoding.BigEndian.AppendUint32(nil, i) }

// hooked calls a function before each TryWrite, with its number.
type hooked struct {
	*wstest.End
	writes int
	before func(n int)
}

func (h *hooked) TryWrite(p, more []byte) (int, error) {
	h.writes++
	h.before(h.writes)
	return h.End.TryWrite(p, more)
}

// TestWhatIsAcceptedWhileATurnEndsIsNotLeftBehind accepts a message while what was put off during the turn is being written.
func TestWhatIsAcceptedWhileATurnEndsIsNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(1 << 20)
		h := &hooked{End: near, before: func(int) {}}
		c := openDriven(h, frame.Server, &setup{})
		peer := conn.Client(far, nil, nil)
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = io.WriteString(w, "a")
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, []byte(strings.Repeat("b", 20<<10))), "enough to be written at once")
		h.before = func(n int) {
			if n == 2 {
				require.NoError(t, c.Send(conn.Text, []byte("c")))
			}
		}
		require.NoError(t, w.Close())
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("d")))
		for _, want := range []string{"a", strings.Repeat("b", 20<<10), "c", "d"} {
			_, p, err := peer.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, string(p))
		}
		require.GreaterOrEqual(t, h.writes, 2, "else nothing was accepted in between")
		require.Zero(t, c.BufferedAmount())
		c.CloseNow()
		peer.CloseNow()
	})
}

func TestNothingIsBufferedOnceTheConnectionHasEnded(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, pattern(1000)), "which waits for the writer")
		require.NotZero(t, c.BufferedAmount())
		c.CloseNow()
		w.Close()
		require.Zero(t, c.BufferedAmount())
	})
}
