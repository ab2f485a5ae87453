package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// farewell is what a peer says before it goes away: two messages and why.
var farewell = []wstest.Frame{text("balance: 17"), text("order 5 was filled"), closing(4001, "token expired")}

var expired = conn.CloseError{Code: 4001, Reason: "token expired", Remote: true, WasClean: true}

// sendings are the ways of sending something.
var sendings = map[string]func(ctx context.Context, c *conn.Conn) error{
	"Write":      func(ctx context.Context, c *conn.Conn) error { return c.Write(ctx, conn.Text, []byte("hi")) },
	"long Write": func(ctx context.Context, c *conn.Conn) error { return c.Write(ctx, conn.Binary, pattern(200_000)) },
	"WritePrepared": func(ctx context.Context, c *conn.Conn) error {
		return c.WritePrepared(ctx, conn.Prepare(conn.Text, nil))
	},
	"WriteBatch": func(ctx context.Context, c *conn.Conn) error {
		_, err := c.WriteBatch(ctx, []*conn.Prepared{conn.Prepare(conn.Text, nil), conn.Prepare(conn.Text, nil)})
		return err
	},
	"Send": func(ctx context.Context, c *conn.Conn) error {
		if err := c.Send(conn.Text, []byte("hi")); err != nil {
			return err
		}
		return c.Flush(ctx)
	},
	"SendPrepared": func(ctx context.Context, c *conn.Conn) error {
		if err := c.SendPrepared(conn.Prepare(conn.Text, nil)); err != nil {
			return err
		}
		return c.Flush(ctx)
	},
	"Writer": func(ctx context.Context, c *conn.Conn) error {
		w, err := c.Writer(ctx, conn.Text)
		if err != nil {
			return err
		}
		io.WriteString(w, "hi")
		return w.Close()
	},
	"Ping": func(ctx context.Context, c *conn.Conn) error { _, err := c.Ping(ctx); return err },
	"Stream": func(ctx context.Context, c *conn.Conn) error {
		_, err := conn.Stream(ctx, c, conn.Text).Write([]byte("hi"))
		return err
	},
}

// requireRefused requires every way of sending to fail at once because the network has refused a write.
func requireRefused(t testing.TB, c *conn.Conn, cause error) {
	t.Helper()
	for name, send := range sendings {
		err := send(context.Background(), c)
		require.ErrorAs(t, err, new(*conn.WriteError), name)
		require.ErrorIs(t, err, cause, name)
		require.NotErrorIs(t, err, net.ErrClosed, name)
	}
	require.NoError(t, c.Err())
	require.Equal(t, conn.StateClosing, c.State())
}

// requireFarewell requires the two messages of farewell, and then the code.
func requireFarewell(t testing.TB, c *conn.Conn, read func(context.Context, *conn.Conn) (got, error)) {
	t.Helper()
	for _, want := range farewell[:2] {
		m, err := read(context.Background(), c)
		require.NoError(t, err)
		require.Equal(t, got{conn.Text, string(want.Payload)}, m)
	}
	_, err := read(context.Background(), c)
	requireEnded(t, c, err, expired, nil)
	require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
	for name, send := range sendings {
		require.Same(t, c.Err(), send(context.Background(), c), name)
	}
}

func TestWhatHasArrivedIsReadAfterAFailedWrite(t *testing.T) {
	for name, send := range sendings {
		t.Run(name, func(t *testing.T) {
			inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
				start := time.Now()
				peer.Send(farewell...)
				hangUp(peer)
				err := send(t.Context(), c)
				<-time.After(50 * time.Millisecond)
				if c.EventDriven() { // all is read by now, and was perhaps before; what is sent while that is handled may only be collected
					requireTyped(t, err)
				} else {
					require.ErrorAs(t, err, new(*conn.WriteError))
					requireRefused(t, c, io.ErrClosedPipe)
				}
				requireFarewell(t, c, read)
				require.Equal(t, 50*time.Millisecond, time.Since(start))
			})
		})
	}
}

func TestAStreamGivesOutWhatHasArrivedAfterAFailedWrite(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(binary("some "), binary("bytes"), closing(conn.StatusNormalClosure, ""))
		hangUp(peer)
		s := conn.Stream(t.Context(), c, conn.Binary)
		_, err := s.Write([]byte("never arrives"))
		require.ErrorAs(t, err, new(*conn.WriteError))
		data, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, "some bytes", string(data))
	})
}

// TestAFailedWriteOfAnotherGoroutineEndsNoReader: the reader is at work when the write fails, waits, and what it waits for
// comes later.
func TestAFailedWriteOfAnotherGoroutineEndsNoReader(t *testing.T) {
	for name, send := range sendings {
		t.Run(name, func(t *testing.T) {
			var nc *wstest.RefusingConn
			wrap := func(end *wstest.End) net.Conn { nc = wstest.Refusing(end); return nc }
			withDriversOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				type result struct {
					got got
					err error
				}
				results := make(chan result)
				go func() {
					for range 3 {
						_, data, err := receive(context.Background(), c)
						results <- result{got{conn.Text, string(data)}, err}
					}
				}()
				synctest.Wait()
				nc.Refuse(wstest.ErrFault)
				require.ErrorIs(t, send(t.Context(), c), wstest.ErrFault)
				requireRefused(t, c, wstest.ErrFault)
				<-time.After(conn.DefaultCloseTimeout - time.Second)
				peer.Send(farewell...)
				for _, want := range farewell[:2] {
					require.Equal(t, result{got{conn.Text, string(want.Payload)}, nil}, <-results)
				}
				requireEnded(t, c, (<-results).err, expired, nil)
			})
		})
	}
}

// TestAnswersThatFailCostNoMessage: a device sends what it has and hangs up; each message is acknowledged after some work.
func TestAnswersThatFailCostNoMessage(t *testing.T) {
	answer := func(c *conn.Conn, all *[]string, data []byte) {
		*all = append(*all, string(data))
		<-time.After(20 * time.Millisecond)
		c.Write(context.Background(), conn.Text, []byte("ack")) // nobody looks at the error
	}
	for name, handle := range map[string]func(c *conn.Conn, all *[]string) error{
		"Read": func(c *conn.Conn, all *[]string) error {
			for {
				_, data, err := receive(context.Background(), c)
				if err != nil {
					return err
				}
				answer(c, all, data)
			}
		},
		"Messages": func(c *conn.Conn, all *[]string) error {
			for m, err := range c.Messages(context.Background()) {
				if err != nil {
					return err
				}
				answer(c, all, m.Data)
			}
			return nil
		},
		"Serve": func(c *conn.Conn, all *[]string) error {
			return c.Serve(context.Background(), func(c *conn.Conn, m conn.Message) error {
				answer(c, all, m.Data)
				return nil
			})
		},
	} {
		with := inBothRoles
		if name == "Read" {
			with = withDrivers
		}
		t.Run(name, func(t *testing.T) {
			with(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				var want, all []string
				for i := range 6 {
					want = append(want, "reading "+strconv.Itoa(i))
					peer.Send(text(want[i]), ping("to be answered")) // which fails as well
				}
				peer.Send(bye)
				hangUp(peer)
				err := handle(c, &all)
				require.Equal(t, want, all)
				requireEnded(t, c, err, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true, WasClean: true}, nil)
			})
		})
	}
}

func TestWithNobodyReadingAConnectionLearnsTheCodeOfWhoHungUp(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		peer.Send(farewell...)
		hangUp(peer)
		require.Error(t, c.Write(t.Context(), conn.Text, nil))
		<-c.Done()
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(start), "until then somebody may read")
		requireEnded(t, c, c.Err(), expired, nil)
		_, _, err := c.Read(t.Context())
		require.Same(t, c.Err(), err)
	})
}

func TestCloseLearnsTheCodeOfWhoHungUp(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		peer.Send(farewell...)
		hangUp(peer)
		require.Error(t, c.Write(t.Context(), conn.Text, nil))
		require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
		requireEnded(t, c, c.Err(), expired, nil)
		require.Zero(t, time.Since(start))
	})
}

// TestACloseFrameThatCannotBeSentIsNotWhyThePeerClosed: Close is called, and its frame is what the network refuses.
func TestACloseFrameThatCannotBeSentIsNotWhyThePeerClosed(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(farewell...)
		hangUp(peer)
		require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
		requireEnded(t, c, c.Err(), expired, nil)
	})
}

// TestAFailedWriteIsTheCauseIfNoCloseFrameComes: whatever it is that ends reading.
func TestAFailedWriteIsTheCauseIfNoCloseFrameComes(t *testing.T) {
	var nc *wstest.RefusingConn
	wrap := func(end *wstest.End) net.Conn { nc = wstest.Refusing(end); return nc }
	for name, tc := range map[string]struct {
		peer   func(*wstest.Peer)
		read   bool
		remote bool
		lasts  time.Duration
	}{
		"EOF":                    {hangUp, true, true, 0},
		"EOF, nobody reads":      {hangUp, false, true, conn.DefaultCloseTimeout},
		"silence":                {func(*wstest.Peer) {}, true, false, conn.DefaultCloseTimeout},
		"silence, nobody reads":  {func(*wstest.Peer) {}, false, false, conn.DefaultCloseTimeout + 100*time.Millisecond},
		"messages":               {func(p *wstest.Peer) { p.Send(numbered(10)...) }, true, false, conn.DefaultCloseTimeout},
		"messages, nobody reads": {func(p *wstest.Peer) { p.Send(numbered(10)...) }, false, false, conn.DefaultCloseTimeout + 100*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			with := inBothRolesOver
			if tc.read { // which an event loop does in any case
				with = withDriversOver
			}
			with(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				start := time.Now()
				nc.Refuse(wstest.ErrFault)
				require.ErrorIs(t, c.Write(t.Context(), conn.Text, nil), wstest.ErrFault)
				tc.peer(peer)
				if tc.read {
					<-reading(c)
				}
				<-c.Done()
				require.Equal(t, tc.lasts, time.Since(start))
				requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: tc.remote}, wstest.ErrFault)
				require.Same(t, c.Err(), c.Close(conn.StatusNormalClosure, ""))
			})
		})
	}
}

// TestThoseWhoWaitToSendHearOfAFailedWriteAtOnce: one is in the middle of writing, the others wait for their turns.
func TestThoseWhoWaitToSendHearOfAFailedWriteAtOnce(t *testing.T) {
	var nc *wstest.RefusingConn
	wrap := func(end *wstest.End) net.Conn { nc = wstest.Refusing(end); return nc }
	withDriversOver(t, nil, 100, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		blocked := inBackground(func() error { return c.Write(context.Background(), conn.Binary, pattern(1000)) })
		synctest.Wait()
		results := map[string]<-chan error{}
		for name, send := range sendings {
			results[name] = inBackground(func() error { return send(context.Background(), c) })
		}
		synctest.Wait()
		require.Empty(t, blocked)
		nc.Refuse(wstest.ErrFault)
		require.ErrorAs(t, <-blocked, new(*conn.WriteError))
		for name, result := range results {
			if name != "Ping" || len(result) > 0 {
				require.ErrorAs(t, <-result, new(*conn.WriteError), name)
			}
		}
		require.Zero(t, time.Since(start))
		hangUp(peer)
		<-reading(c)
	})
}

// TestNothingIsBufferedOnceAWriteHasFailed: what waits for a Writer to end counts until then.
func TestNothingIsBufferedOnceAWriteHasFailed(t *testing.T) {
	var nc *wstest.RefusingConn
	wrap := func(end *wstest.End) net.Conn { nc = wstest.Refusing(end); return nc }
	withDriversOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		require.NoError(t, c.Send(conn.Text, []byte("behind it")))
		require.Positive(t, c.BufferedAmount())
		nc.Refuse(wstest.ErrFault)
		_, err = c.Ping(t.Context())
		require.ErrorIs(t, err, wstest.ErrFault)
		require.Zero(t, c.BufferedAmount())
		require.ErrorIs(t, w.Close(), wstest.ErrFault)
	})
}

// TestCloseNowWaitsForWhatLearnsTheCode is for the bubble to see: a goroutine that is left fails it, and so does a wait.
func TestCloseNowWaitsForWhatLearnsTheCode(t *testing.T) {
	var nc *wstest.RefusingConn
	wrap := func(end *wstest.End) net.Conn { nc = wstest.Refusing(end); return nc }
	inBothRolesOver(t, nil, 0, wrap, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		nc.Refuse(wstest.ErrFault)
		require.Error(t, c.Write(t.Context(), conn.Text, nil))
		<-time.After(conn.DefaultCloseTimeout)
		synctest.Wait() // it reads
		start := time.Now()
		require.NoError(t, c.CloseNow())
		require.Zero(t, time.Since(start))
	})
}

func TestACloseReadLearnsTheCodeOfWhoHungUp(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := c.CloseRead(t.Context())
		synctest.Wait()
		peer.Send(farewell[2])
		hangUp(peer)
		c.Write(t.Context(), conn.Text, nil)
		<-ctx.Done()
		requireEnded(t, c, c.Err(), expired, nil)
	})
}

// TestWhatHasArrivedIsReadAfterAFailedWriteOnASocket is about real sockets, with and without TLS.
func TestWhatHasArrivedIsReadAfterAFailedWriteOnASocket(t *testing.T) {
	for _, role := range roles {
		for _, secure := range []bool{false, true} {
			for name, send := range sendings {
				t.Run(name, func(t *testing.T) {
					wstest.NoLeaks(t)
					near, far := tcpPair(t)
					if secure {
						near, far = wstest.TLSOver(t, near, far)
					}
					c := open(near, role, nil)
					defer c.CloseNow()
					peer := wstest.NewPeer(t, far, other(role))
					peer.Send(farewell...)
					hangUp(peer)
					var refused *conn.WriteError
					for !errors.As(c.Write(t.Context(), conn.Text, []byte("until it fails")), &refused) {
					}
					require.ErrorAs(t, send(t.Context(), c), new(*conn.WriteError))
					requireFarewell(t, c, ways["Read"])
				})
			}
		}
	}
}

// TestAWriteErrorUnwrapsToWhatTheNetworkSaid is also about its text.
func TestAWriteErrorUnwrapsToWhatTheNetworkSaid(t *testing.T) {
	e := &conn.WriteError{Err: io.ErrClosedPipe}
	require.EqualError(t, e, "websocket: nothing more can be sent: io: read/write on closed pipe")
	require.ErrorIs(t, e, io.ErrClosedPipe)
}

// registry is a context that never ends, and counts who waits for that.
type registry struct {
	context.Context
	done             chan struct{}
	registered, left atomic.Int32
}

func (r *registry) Done() <-chan struct{} { return r.done }

func (r *registry) AfterFunc(func()) func() bool {
	r.registered.Add(1)
	return func() bool { r.left.Add(1); return true }
}

func TestAContextThatGoesOnDoesNotKeepAConnectionThatHasEnded(t *testing.T) {
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			near, far := tcpPair(t)
			c := open(near, role, nil)
			ctx := &registry{Context: t.Context(), done: make(chan struct{})}
			written := inBackground(func() error { return c.Write(ctx, conn.Binary, make([]byte, tcpFull)) })
			_, err := io.CopyN(io.Discard, far, tcpFull)
			require.NoError(t, err)
			require.NoError(t, <-written)
			far.Close()
			_, _, err = receive(ctx, c)
			require.Error(t, err)
			c.CloseNow()
			require.Positive(t, ctx.registered.Load())
			require.Equal(t, ctx.registered.Load(), ctx.left.Load())
		})
	}
}

// TestAnEndInAMessageIsToldFromOneBetweenMessages: both are abnormal closures.
func TestAnEndInAMessageIsToldFromOneBetweenMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		sent []wstest.Frame
		last int // bytes of the last frame that do not come
		cut  bool
	}{
		"nothing":                   {nil, 0, false},
		"a message":                 {numbered(1), 0, false},
		"in a frame":                {numbered(2), 1, true},
		"between fragments":         {[]wstest.Frame{wstest.Part(frame.Text, false, "a")}, 0, true},
		"in the second fragment":    {[]wstest.Frame{wstest.Part(frame.Text, false, "a"), wstest.Part(frame.Continuation, true, "bc")}, 1, true},
		"in a header after another": {numbered(1), 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				ended := reading(c)
				raw := peer.Encode(tc.sent...)
				peer.SendRaw(raw[:max(len(raw)-tc.last, min(1, len(raw)))])
				hangUp(peer)
				err := <-ended
				require.Equal(t, tc.cut, errors.Is(err, protocol.ErrMessageCut))
				require.Equal(t, tc.cut, errors.Is(err, io.ErrUnexpectedEOF))
				require.ErrorIs(t, err, protocol.ErrPeerVanished)
				requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: true}, protocol.ErrPeerVanished)
			})
		})
	}
}
