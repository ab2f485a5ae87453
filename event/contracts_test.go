package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// canceled is a context that has ended.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func text(s string) wstest.Frame { return wstest.Whole(frame.Text, s) }

// record keeps what Events were told, in order.
type record struct {
	told   chan string
	closed chan error
}

func newRecord() *record {
	return &record{told: make(chan string, 1<<11), closed: make(chan error, 1<<10)}
}

// events note everything, and answer each message with what answer returns, if that is not "".
func (r *record) events(answer func(c *conn.Conn, s string) error) *Events {
	return &Events{
		Open: func(ctx context.Context, c *conn.Conn) { r.told <- "open" },
		Message: func(c *conn.Conn, m conn.Message) error {
			r.told <- string(m.Data)
			if answer == nil {
				return nil
			}
			return answer(c, string(m.Data))
		},
		Close: func(c *conn.Conn, err error) { r.told <- "close"; r.closed <- err },
	}
}

// all returns what was told so far.
func (r *record) all() (all []string) {
	synctest.Wait()
	for len(r.told) > 0 {
		all = append(all, <-r.told)
	}
	return all
}

func echo(c *conn.Conn, s string) error { return c.Write(context.Background(), conn.Text, []byte(s)) }

func TestMessagesComeInOrderBetweenOpenAndClose(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, nil, r.events(echo))
		peer.Send(text("a"), wstest.Part(frame.Text, false, "b"), wstest.Whole(frame.Ping, "p"), wstest.Part(frame.Continuation, true, "c"))
		peer.Send(text("d"))
		peer.Expect(text("a"), wstest.Whole(frame.Pong, "p"), text("bc"), text("d"))
		peer.Send(wstest.CloseFrame(frame.StatusNormalClosure, "bye"))
		peer.Expect(wstest.CloseFrame(frame.StatusNormalClosure, "bye"))
		if h.role == frame.Client {
			peer.Conn().Close()
		} else {
			peer.ExpectEOF()
		}
		require.Equal(t, []string{"open", "a", "bc", "d", "close"}, r.all())
		var e *conn.CloseError
		require.ErrorAs(t, <-r.closed, &e)
		require.True(t, e.WasClean && e.Remote)
		require.Equal(t, conn.StatusNormalClosure, e.Code)
	})
}

func TestEverySplitGivesTheSameMessages(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		_, encoder := h.start(nil, nil, &Events{})
		session := encoder.Encode(text("one"), wstest.Whole(frame.Ping, "p"), wstest.Part(frame.Text, false, "tw"),
			wstest.Part(frame.Continuation, true, "o"), text(strings.Repeat("x", 300)), wstest.CloseFrame(frame.StatusGoingAway, ""))
		for cut := range session {
			r := newRecord()
			_, peer := h.start(nil, nil, r.events(echo))
			peer.SendRaw(session[:cut])
			synctest.Wait()
			peer.SendRaw(session[cut:])
			require.Equal(t, []string{"open", "one", "two", strings.Repeat("x", 300), "close"}, r.all(), "cut at %d", cut)
			peer.Expect(text("one"), wstest.Whole(frame.Pong, "p"), text("two"), text(strings.Repeat("x", 300)),
				wstest.CloseFrame(frame.StatusGoingAway, ""))
			peer.Conn().Close()
		}
	})
}

func TestASessionMayDripIn(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, nil, r.events(nil))
		for _, b := range peer.Encode(text("slow"), wstest.CloseFrame(frame.StatusNormalClosure, "")) {
			peer.SendRaw([]byte{b})
			synctest.Wait()
		}
		require.Equal(t, []string{"open", "slow", "close"}, r.all())
	})
}

func TestLargeMessagesGoBothWays(t *testing.T) {
	for _, params := range []*deflate.Params{nil, {}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}} {
		withDriversOver(t, 1000, func(t *testing.T, h *harness) {
			near, far := wstest.Pipe(h.size)
			r := newRecord()
			n := &conn.Negotiated{Deflate: params}
			h.attach(near, n, &conn.Config{ReadLimit: -1}, r.events(echo))
			var other *conn.Conn
			if h.role == frame.Server {
				other = conn.Client(far, n, &conn.Config{ReadLimit: -1})
			} else {
				other = conn.Server(far, n, &conn.Config{ReadLimit: -1})
			}
			defer other.CloseNow()
			for _, size := range []int{0, 1, 125, 126, 4096, 65535, 65536, 300000} {
				message := strings.Repeat("0123456789abcdef", size/16+1)[:size]
				go other.Write(t.Context(), conn.Text, []byte(message))
				_, got, err := other.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, message, string(got))
			}
			require.NoError(t, other.Close(conn.StatusNormalClosure, ""))
		})
	}
}

func TestABrokenRuleIsToldToThePeer(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(p *wstest.Peer) []byte
		code conn.StatusCode
	}{
		{"reserved opcode", func(p *wstest.Peer) []byte { return p.Encode(wstest.Whole(3, "")) }, conn.StatusProtocolError},
		{"bad text", func(p *wstest.Peer) []byte { return p.Encode(text("\xff")) }, conn.StatusInvalidPayload},
		{"too big", func(p *wstest.Peer) []byte { return p.Encode(text(strings.Repeat("x", 101))) }, conn.StatusMessageTooBig},
		{"continuation", func(p *wstest.Peer) []byte { return p.Encode(wstest.Part(frame.Continuation, true, "x")) }, conn.StatusProtocolError},
	} {
		t.Run(c.name, func(t *testing.T) {
			withDrivers(t, func(t *testing.T, h *harness) {
				r := newRecord()
				_, peer := h.start(nil, &conn.Config{ReadLimit: 100}, r.events(nil))
				peer.SendRaw(append(peer.Encode(text("good")), c.send(peer)...))
				f := peer.Receive()
				require.Equal(t, frame.Close, f.Opcode)
				code, _, err := frame.ParseClose(f.Payload)
				require.NoError(t, err)
				require.Equal(t, c.code, code)
				peer.ExpectEOF()
				peer.Conn().Close()
				require.Equal(t, []string{"open", "good", "close"}, r.all())
				require.Equal(t, c.code, conn.CloseStatus(<-r.closed))
			})
		})
	}
}

func TestWhatHasArrivedIsDeliveredWhenAWriteFails(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		gone := make(chan struct{})
		_, peer := h.start(nil, nil, r.events(func(c *conn.Conn, s string) error {
			<-gone // the peer has sent everything
			c.Write(context.Background(), conn.Text, []byte("answer"))
			return nil
		}))
		peer.SendRaw(peer.Encode(text("a"), text("b"), text("c"), wstest.CloseFrame(4001, "token expired")))
		peer.Conn().Close()
		close(gone)
		require.Equal(t, []string{"open", "a", "b", "c", "close"}, r.all())
		require.Equal(t, conn.StatusCode(4001), conn.CloseStatus(<-r.closed))
	})
}

func TestAPeerThatVanishesIsToldOnce(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		c, peer := h.start(nil, nil, r.events(nil))
		peer.Send(text("x"))
		peer.Conn().Close()
		require.Equal(t, []string{"open", "x", "close"}, r.all())
		require.Equal(t, conn.StatusAbnormalClosure, conn.CloseStatus(<-r.closed))
		require.Error(t, c.Write(t.Context(), conn.Text, nil))
	})
}

func TestCloseMayBeCalledFromAnywhere(t *testing.T) {
	calls := map[string]func(c *conn.Conn) error{
		"Close":     func(c *conn.Conn) error { return c.Close(conn.StatusGoingAway, "enough") },
		"SendClose": func(c *conn.Conn) error { return c.SendClose(conn.StatusGoingAway, "enough") },
		"CloseNow":  func(c *conn.Conn) error { return c.CloseNow() },
	}
	for name, call := range calls {
		for _, within := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s within a callback %v", name, within), func(t *testing.T) {
				withDrivers(t, func(t *testing.T, h *harness) {
					r := newRecord()
					called := make(chan error, 1)
					c, peer := h.start(nil, nil, r.events(func(c *conn.Conn, s string) error {
						if within {
							called <- call(c)
						}
						return nil
					}))
					peer.Send(text("go"))
					synctest.Wait()
					if !within {
						go func() { called <- call(c) }()
						synctest.Wait()
					}
					if name != "CloseNow" {
						peer.Expect(wstest.CloseFrame(conn.StatusGoingAway, "enough"))
						peer.Send(text("late"), wstest.CloseFrame(conn.StatusGoingAway, "enough"))
						if h.role == frame.Client {
							peer.Conn().(interface{ CloseWrite() error }).CloseWrite()
						}
					}
					peer.ExpectEOF()
					require.NoError(t, <-called)
					told := r.all()
					require.Equal(t, "close", told[len(told)-1])
					require.Error(t, <-r.closed)
					require.ErrorIs(t, c.Err(), net.ErrClosed)
				})
			})
		}
	}
}

func TestAnErrorOfTheCallbackClosesTheConnection(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		refused := errors.New("refused")
		_, peer := h.start(nil, nil, r.events(func(c *conn.Conn, s string) error { return refused }))
		peer.Send(text("a"), text("b"))
		peer.Expect(wstest.CloseFrame(conn.StatusInternalError, ""))
		peer.Send(text("c"), wstest.CloseFrame(conn.StatusInternalError, ""))
		if h.role == frame.Client {
			peer.Conn().(interface{ CloseWrite() error }).CloseWrite()
		}
		peer.ExpectEOF()
		require.Equal(t, []string{"open", "a", "close"}, r.all())
		require.ErrorIs(t, <-r.closed, refused)
	})
}

func TestAPanicOfACallbackEndsItsConnectionAlone(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, nil, r.events(func(c *conn.Conn, s string) error { panic("at once") }))
		_, healthy := h.start(nil, nil, newRecord().events(echo))
		_, healthy2 := h.start(nil, nil, newRecord().events(echo))
		peer.Send(text("a"), text("b"))
		peer.Expect(wstest.CloseFrame(conn.StatusInternalError, ""))
		peer.Conn().Close()
		require.Equal(t, []string{"open", "a", "close"}, r.all())
		require.ErrorContains(t, <-r.closed, "at once")
		for _, p := range []*wstest.Peer{healthy, healthy2} {
			p.Send(text("still"))
			p.Expect(text("still"))
		}
	})
}

func TestASilentPeerIsPingedAndThenGivenUp(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, &conn.Config{PingInterval: 30 * time.Second, IdleTimeout: 75 * time.Second}, r.events(nil))
		start := time.Now()
		ping := peer.Receive()
		require.Equal(t, frame.Ping, ping.Opcode)
		require.LessOrEqual(t, time.Since(start), 31*time.Second)
		peer.Send(wstest.Whole(frame.Pong, string(ping.Payload)))
		synctest.Wait()
		answered := time.Now()
		go func() {
			for f, err := peer.TryReceive(); err == nil; f, err = peer.TryReceive() {
				assert.Equal(t, frame.Ping, f.Opcode)
			}
		}()
		require.ErrorIs(t, <-r.closed, conn.ErrPeerTimeout)
		require.InDelta(t, 75, time.Since(answered).Seconds(), 0.1)
	})
}

func TestAHealthyPeerIsKept(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, &conn.Config{IdleTimeout: 10 * time.Second}, r.events(nil))
		for range 10 {
			<-time.After(9 * time.Second)
			peer.Send(text("x"))
		}
		require.Len(t, r.all(), 11)
		require.Empty(t, r.closed)
	})
}

func TestThePeerThatDoesNotCloseIsCut(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		c, peer := h.start(nil, &conn.Config{CloseTimeout: 3 * time.Second}, r.events(nil))
		start := time.Now()
		require.NoError(t, c.SendClose(conn.StatusNormalClosure, ""))
		peer.Expect(wstest.CloseFrame(conn.StatusNormalClosure, ""))
		require.Error(t, <-r.closed)
		require.InDelta(t, 3, time.Since(start).Seconds(), 0.01)
		require.Equal(t, conn.StateClosed, c.State())
	})
}

func TestAnswersOfOneWakeUpAreGathered(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		near, far := wstest.Pipe(0)
		peer := wstest.NewPeer(t, far, map[frame.Role]frame.Role{frame.Server: frame.Client, frame.Client: frame.Server}[h.role])
		c := h.attach(near, nil, nil, newRecord().events(func(c *conn.Conn, s string) error {
			err := c.Write(context.Background(), conn.Text, []byte(s))
			if s == "first" {
				assert.NotZero(t, c.BufferedAmount(), "it waits for the others")
			} else {
				assert.Zero(t, c.BufferedAmount())
			}
			return err
		}))
		peer.Send(text("first"), text("last"))
		peer.Expect(text("first"), text("last"))
		synctest.Wait()
		require.Zero(t, c.BufferedAmount())
	})
}

func TestASlowCallbackHoldsBackNothingThatItHasWritten(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		held := make(chan struct{})
		_, peer := h.start(nil, nil, newRecord().events(func(c *conn.Conn, s string) error {
			err := c.Write(context.Background(), conn.Text, []byte(s))
			if s == "first" {
				<-held
			}
			return err
		}))
		peer.Send(text("first"), text("last"))
		start := time.Now()
		peer.Expect(text("first")) // while the callback goes on
		require.LessOrEqual(t, time.Since(start), 5*time.Millisecond)
		close(held)
		peer.Expect(text("last"))
	})
}

func TestACallbackThatBlocksHoldsBackNoOtherConnection(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		held := make(chan struct{})
		var blocked []*wstest.Peer
		for range 6 { // more than there are shards, several times over
			_, peer := h.start(nil, nil, newRecord().events(func(c *conn.Conn, s string) error {
				<-held
				return c.Write(context.Background(), conn.Text, []byte(s))
			}))
			peer.Send(text("blocks"))
			blocked = append(blocked, peer)
			_, healthy := h.start(nil, nil, newRecord().events(echo))
			start := time.Now()
			healthy.Send(text("x"))
			healthy.Expect(text("x"))
			require.LessOrEqual(t, time.Since(start), 3*patience)
		}
		close(held)
		for _, peer := range blocked {
			peer.Expect(text("blocks"))
			peer.Send(text("again"))
			peer.Expect(text("again"))
		}
	})
}

func TestOneConnectionIsNeverHandledTwiceAtATime(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		var order []string
		step := make(chan struct{})
		_, peer := h.start(nil, nil, newRecord().events(func(c *conn.Conn, s string) error {
			order = append(order, "begin "+s) // the race detector watches
			<-step
			order = append(order, "end "+s)
			return nil
		}))
		for _, s := range []string{"a", "b", "c"} {
			peer.Send(text(s))
			<-time.After(10 * patience) // others lead the shard by now
		}
		for range 3 {
			step <- struct{}{}
		}
		synctest.Wait()
		require.Equal(t, []string{"begin a", "end a", "begin b", "end b", "begin c", "end c"}, order)
	})
}

func TestAPeerThatDoesNotReadIsNotReadFrom(t *testing.T) {
	withDriversOver(t, 4096, func(t *testing.T, h *harness) {
		handled := 0
		c, peer := h.start(nil, nil, newRecord().events(func(c *conn.Conn, s string) error {
			handled++
			return c.Send(conn.Text, bytes.Repeat([]byte("x"), 1000))
		}))
		request := peer.Encode(text("give me more than I gave"))
		const requests = 2000
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range requests {
				peer.Conn().Write(request)
			}
		}()
		synctest.Wait()
		if h.driver.event { // the goroutine's Send has a queue, whose limit ends it
			require.Less(t, handled, requests/2, "the others are not read")
			// MaxQueued, as much that is being written, and the answers to what one read brings.
			require.Less(t, c.BufferedAmount(), int64(2*protocol.MaxQueued+4096/len(request)*1010+2000))
			for range requests {
				require.Len(t, peer.Receive().Payload, 1000)
			}
			<-sent
			synctest.Wait()
			require.Equal(t, requests, handled)
		}
		peer.Conn().Close()
		<-sent
	})
}

func TestAWriteWaitsForAPeerThatIsSlow(t *testing.T) {
	withDriversOver(t, 1000, func(t *testing.T, h *harness) {
		c, peer := h.start(nil, nil, newRecord().events(nil))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, c.Write(ctx, conn.Text, bytes.Repeat([]byte("a"), 5000)), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		written := make(chan error, 1)
		go func() { written <- c.Write(context.Background(), conn.Text, []byte("b")) }()
		synctest.Wait()
		require.Empty(t, written)
		require.Len(t, peer.Receive().Payload, 5000, "the message that was cut goes out whole")
		peer.Expect(text("b"))
		require.NoError(t, <-written)
	})
}

func TestCallsThatReadAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{}, []poller{newMemoryPoller()})
		h := &harness{t: t, loop: l, driver: drivers[0], role: frame.Server}
		c, peer := h.start(nil, nil, &Events{})
		synctest.Wait()
		_, _, err := c.Read(t.Context())
		require.ErrorIs(t, err, conn.ErrEventDriven)
		_, _, err = c.Reader(t.Context())
		require.ErrorIs(t, err, conn.ErrEventDriven)
		for _, err := range c.Messages(t.Context()) {
			require.ErrorIs(t, err, conn.ErrEventDriven)
		}
		require.ErrorIs(t, c.Serve(t.Context(), nil), conn.ErrEventDriven)
		ended := c.CloseRead(t.Context())
		require.NoError(t, ended.Err())
		peer.Conn().Close()
		<-ended.Done()
		require.NoError(t, l.Shutdown(t.Context()))
		_, _, err = c.Read(t.Context())
		require.Same(t, c.Err(), err)
	})
}

func TestAPingIsAnsweredWhileTheLoopReads(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		c, peer := h.start(nil, nil, newRecord().events(nil))
		rtt := make(chan error, 1)
		go func() { _, err := c.Ping(t.Context()); rtt <- err }()
		ping := peer.Receive()
		peer.Send(wstest.Whole(frame.Pong, string(ping.Payload)))
		require.NoError(t, <-rtt)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Ping(ctx)
		require.NotErrorIs(t, err, conn.ErrNobodyReads)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestShutdownSendsEverybodyAway(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		var records []*record
		var peers []*wstest.Peer
		for range 5 {
			r := newRecord()
			c, peer := h.start(nil, nil, r.events(nil))
			require.NoError(t, c.Send(conn.Text, []byte("last words")))
			records, peers = append(records, r), append(peers, peer)
		}
		done := make(chan error, 1)
		go func() { done <- h.loop.Shutdown(t.Context()) }()
		for _, peer := range peers {
			peer.Expect(text("last words"), wstest.CloseFrame(conn.StatusGoingAway, ""))
			require.Empty(t, done)
			peer.Send(wstest.CloseFrame(conn.StatusGoingAway, ""))
			peer.Conn().(interface{ CloseWrite() error }).CloseWrite()
			peer.ExpectEOF()
		}
		require.NoError(t, <-done)
		for _, r := range records {
			require.Equal(t, conn.StatusGoingAway, conn.CloseStatus(<-r.closed))
		}
		near, _ := wstest.Pipe(0)
		made := func(*conn.Conn) { t.Error("there may be no more") }
		_, err := h.loop.Attach(near, h.role, &Opening{Context: t.Context(), Events: &Events{}, Made: made})
		require.ErrorIs(t, err, ErrLoopClosed)
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, h.loop.Shutdown(t.Context()))
	})
}

func TestShutdownCutsWhoDoesNotGo(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, &conn.Config{CloseTimeout: time.Hour}, r.events(nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.loop.Shutdown(ctx), context.DeadlineExceeded)
		require.Error(t, <-r.closed)
		peer.Expect(wstest.CloseFrame(conn.StatusGoingAway, ""))
		peer.ExpectEOF()
	})
}

// stuckStream takes nothing, and something happens during the first write.
type stuckStream struct {
	*memoryStream
	meanwhile func()
}

func (s *stuckStream) TryWrite(_, _ []byte) (int, error) {
	if f := s.meanwhile; f != nil {
		s.meanwhile = nil
		f()
	}
	return 0, nonblock.ErrWouldBlock
}

func TestAConnectionMayEndWhileItIsWrittenTo(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		if !h.driver.event {
			return
		}
		near, far := wstest.Pipe(0)
		defer far.Close()
		s := &stuckStream{memoryStream: &memoryStream{End: near}}
		c, err := newSocketFor(h.loop.shard(), s).attach(h.role, &Opening{Context: t.Context(), Events: newRecord().events(nil)})
		require.NoError(t, err)
		closed := make(chan error, 1)
		s.meanwhile = func() {
			go func() { closed <- c.CloseNow() }()
			<-c.Done()
		}
		require.NoError(t, c.Send(conn.Text, []byte("x")))
		require.NoError(t, <-closed)
	})
}

func TestEventsMayBeNil(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		c, peer := h.start(nil, nil, &Events{})
		peer.Send(text("nobody listens"), wstest.CloseFrame(frame.StatusNormalClosure, ""))
		peer.Expect(wstest.CloseFrame(frame.StatusNormalClosure, ""))
		<-c.Done()
		require.NoError(t, h.loop.Shutdown(t.Context()))
		near, far := wstest.Pipe(0)
		_, err := newSocketFor(h.loop.shard(), &memoryStream{End: near}).attach(h.role, &Opening{Context: t.Context(), Events: &Events{}})
		require.ErrorIs(t, err, ErrLoopClosed)
		_, err = far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestAPeerThatDoesNotReadAndVanishesIsHeardToItsEnd(t *testing.T) {
	withDriversOver(t, 4096, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, nil, r.events(func(c *conn.Conn, s string) error {
			c.Send(conn.Text, bytes.Repeat([]byte("x"), 1000)) // a queue that is full, or a peer that is gone, is no reason to stop
			return nil
		}))
		request := peer.Encode(text("give me more than I gave"))
		sent := make(chan int, 1)
		go func() {
			n := 0
			for range 2000 {
				if k, err := peer.Conn().Write(request); err != nil || k < len(request) {
					break
				}
				n++
			}
			sent <- n
		}()
		synctest.Wait()
		start := time.Now()
		peer.Conn().Close()
		told := r.all()
		require.Equal(t, []string{"open", "close"}, []string{told[0], told[len(told)-1]})
		require.GreaterOrEqual(t, len(told)-2, <-sent, "every message that it has sent whole")
		require.Zero(t, time.Since(start), "and no time limit was needed for it")
	})
}
