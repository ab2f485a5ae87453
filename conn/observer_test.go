package conn_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// notes are what an Observer was told.
type notes struct {
	mu       sync.Mutex
	opened   []*conn.Conn
	received []conn.MessageSize
	sent     []conn.MessageSize
	trips    []time.Duration
	full     int
	slow     []time.Duration
	ended    []*conn.CloseError
}

// observer returns one that takes notes.
func (n *notes) observer() *conn.Observer {
	return &conn.Observer{
		Opened:    func(c *conn.Conn) { n.note(func() { n.opened = append(n.opened, c) }) },
		Received:  func(_ *conn.Conn, s conn.MessageSize) { n.note(func() { n.received = append(n.received, s) }) },
		Sent:      func(_ *conn.Conn, s conn.MessageSize) { n.note(func() { n.sent = append(n.sent, s) }) },
		RoundTrip: func(_ *conn.Conn, d time.Duration) { n.note(func() { n.trips = append(n.trips, d) }) },
		QueueFull: func(*conn.Conn) { n.note(func() { n.full++ }) },
		Slow:      func(_ *conn.Conn, d time.Duration) { n.note(func() { n.slow = append(n.slow, d) }) },
		Ended:     func(_ *conn.Conn, e *conn.CloseError) { n.note(func() { n.ended = append(n.ended, e) }) },
	}
}

func (n *notes) note(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// size is how long a message is that is not compressed.
func size(typ conn.MessageType, n int64) conn.MessageSize {
	return conn.MessageSize{Type: typ, Bytes: n, Packed: n}
}

// observed is a configuration with an observer that takes notes.
func observed(cfg conn.Config) (*notes, *setup) {
	n := &notes{}
	cfg.Observer = n.observer()
	return n, &setup{Config: cfg}
}

func TestAnObserverIsToldOfEachMessageThatComesOnce(t *testing.T) {
	long := string(pattern(300_000))
	want := []conn.MessageSize{
		size(conn.Text, 5), size(conn.Binary, 0), size(conn.Text, 9), size(conn.Binary, 300_000), size(conn.Text, 3),
	}
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			for _, role := range roles {
				synctest.Test(t, func(t *testing.T) {
					n, cfg := observed(conn.Config{})
					near, far := wstest.Pipe(1 << 20)
					c, peer := open(near, role, cfg), wstest.NewPeer(t, far, other(role))
					defer far.Close()
					defer c.CloseNow()
					peer.Send(text("Hello"), binary(""), begin("in "), ping("x"), more("3 "), last("parts"[:4]), binary(long), text("end"))
					for range want {
						_, err := read(t.Context(), c)
						require.NoError(t, err)
					}
					require.Equal(t, want, n.received)
					require.Empty(t, n.sent)
				})
			}
		})
	}
}

func TestAnObserverIsToldOfMessagesThatClosingDrops(t *testing.T) {
	n, cfg := observed(conn.Config{})
	withDrivers(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n = notes{}
		peer.Send(text("dropped"), closing(conn.StatusNormalClosure, ""))
		require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
		require.Equal(t, []conn.MessageSize{size(conn.Text, 7)}, n.received)
	})
}

// sendInAllWays sends messages of 4, 3, 7, 1, 2, 70,000 and 40,000 bytes, and one of 6 while the last was under way.
func sendInAllWays(t *testing.T, c *conn.Conn) {
	ctx := t.Context()
	require.NoError(t, c.Write(ctx, conn.Text, []byte("text")))
	require.NoError(t, c.Send(conn.Binary, []byte("bin")))
	require.NoError(t, c.WritePrepared(ctx, conn.Prepare(conn.Text, []byte("for all"))))
	_, err := c.WriteBatch(ctx, []*conn.Prepared{conn.Prepare(conn.Text, []byte("1")), conn.Prepare(conn.Binary, []byte("22"))})
	require.NoError(t, err)
	require.NoError(t, c.Write(ctx, conn.Binary, pattern(70_000)))
	w, err := c.Writer(ctx, conn.Text)
	require.NoError(t, err)
	_, err = w.Write(pattern(20_000))
	require.NoError(t, err)
	require.NoError(t, c.Send(conn.Text, []byte("behind")))
	_, err = w.Write(pattern(20_000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, c.Flush(ctx))
}

func TestAnObserverIsToldOfEachMessageThatGoesOnce(t *testing.T) {
	n, cfg := observed(conn.Config{})
	withDriversOver(t, cfg, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n = notes{}
		sendInAllWays(t, c)
		require.Equal(t, []conn.MessageSize{
			size(conn.Text, 4), size(conn.Binary, 3), size(conn.Text, 7), size(conn.Text, 1), size(conn.Binary, 2),
			size(conn.Binary, 70_000), size(conn.Text, 40_000), size(conn.Text, 6),
		}, n.sent)
		require.Empty(t, n.received)
	})
}

func TestAnObserverSeesBothSizesOfCompressedMessages(t *testing.T) {
	for name, params := range agreements {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(1 << 20)
				var sides [2]*notes
				var ends [2]*conn.Conn
				for i, nc := range []net.Conn{near, far} {
					var cfg *setup
					sides[i], cfg = observed(conn.Config{ReadLimit: -1})
					cfg.Negotiated = conn.Negotiated{Deflate: &params, DeflateOptions: compressAll}
					ends[i] = open(nc, roles[i], cfg)
					defer ends[i].CloseNow()
				}
				sendInAllWays(t, ends[0])
				sent := sides[0].sent
				require.Len(t, sent, 8)
				for i, want := range []int64{4, 3, 7, 1, 2, 70_000, 40_000, 6} {
					_, data, err := ends[1].Read(t.Context())
					require.NoError(t, err)
					require.Len(t, data, int(want))
					require.Equal(t, want, sent[i].Bytes)
					require.Equal(t, want > 1000, sent[i].Packed < want/2, sent[i])
				}
				require.Equal(t, sent, sides[1].received, "what one side packs is what the other unpacks")
			})
		})
	}
}

func TestAnObserverHearsNothingOfAMessageThatIsRefused(t *testing.T) {
	n, cfg := observed(conn.Config{SendQueue: 100})
	withDriversOver(t, cfg, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n = notes{}
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		require.ErrorIs(t, c.Send(conn.Binary, nil), conn.ErrQueueFull)
		require.ErrorIs(t, c.SendPrepared(conn.Prepare(conn.Text, nil)), conn.ErrQueueFull)
		require.ErrorIs(t, c.SendPing(nil), conn.ErrQueueFull)
		require.ErrorIs(t, c.SendPong(make([]byte, 126)), conn.ErrControlTooLong)
		require.Equal(t, 3, n.full)
		require.Equal(t, []conn.MessageSize{size(conn.Binary, 1000)}, n.sent)
	})
}

func TestAnObserverIsToldTheRoundTripsOfPings(t *testing.T) {
	n, cfg := observed(conn.Config{PingInterval: 20 * time.Second})
	withDrivers(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n = notes{}
		reading(c)
		answer := func(after time.Duration) {
			f := peer.Receive()
			require.Equal(t, frame.Ping, f.Opcode)
			<-time.After(after)
			peer.Send(pong("something else"), pong(string(f.Payload)), pong(string(f.Payload)))
			synctest.Wait()
		}
		answer(30 * time.Millisecond) // the heartbeat's
		require.Equal(t, []time.Duration{30 * time.Millisecond}, n.trips)
		own := inBackground(func() error { _, err := c.Ping(t.Context()); return err })
		answer(20 * time.Millisecond)
		require.NoError(t, <-own)
		answer(10 * time.Millisecond)
		require.Equal(t, []time.Duration{30 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond}, n.trips)
	})
}

func TestAnObserverIsToldOfAPeerThatTakesLong(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  []time.Duration
	}{{0, []time.Duration{3 * time.Second}}, {4 * time.Second, nil}, {2 * time.Second, []time.Duration{3 * time.Second}}} {
		n, cfg := observed(conn.Config{})
		cfg.Observer.SlowAfter = tt.after
		withDriversOver(t, cfg, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			*n = notes{}
			require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
			<-time.After(3 * time.Second)
			peer.Receive()
			require.NoError(t, c.Flush(t.Context()))
			synctest.Wait()
			n.note(func() { require.Equal(t, tt.want, n.slow) })
		})
	}
}

func TestAnObserverMayHaveAClockOfItsOwn(t *testing.T) {
	n, cfg := observed(conn.Config{})
	var now time.Duration
	cfg.Observer.Clock = func() time.Duration { now += time.Minute; return now }
	inBothRoles(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n, now = notes{}, 0
		require.NoError(t, c.Write(context.Background(), conn.Binary, pattern(10)))
		peer.Receive()
		n.note(func() { require.Equal(t, []time.Duration{time.Minute}, n.slow) })
	})
}

func TestAnObserverIsToldOfAPeerThatTakesNothingToTheEnd(t *testing.T) {
	n, cfg := observed(conn.Config{})
	withDriversOver(t, cfg, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		*n = notes{}
		ctx := within(t, 5*time.Second)
		require.ErrorIs(t, c.Write(ctx, conn.Binary, make([]byte, 1000)), context.DeadlineExceeded)
		<-time.After(time.Minute)
		c.CloseNow()
		synctest.Wait()
		n.note(func() {
			var all time.Duration
			for _, took := range n.slow {
				all += took
			}
			require.Equal(t, time.Minute+5*time.Second, all, n.slow)
		})
	})
}

func TestAnObserverIsToldOnceHowAConnectionEnded(t *testing.T) {
	for name, end := range map[string]func(c *conn.Conn, peer *wstest.Peer){
		"closed now":     func(c *conn.Conn, peer *wstest.Peer) { c.CloseNow() },
		"by the network": func(c *conn.Conn, peer *wstest.Peer) { peer.Conn().Close(); receive(context.Background(), c) },
		"by the peer": func(c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(conn.StatusGoingAway, "bye"))
			receive(context.Background(), c)
		},
		"by this side": func(c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(conn.StatusGoingAway, "bye"))
			c.Close(conn.StatusNormalClosure, "")
		},
		"by a broken rule": func(c *conn.Conn, peer *wstest.Peer) {
			peer.Send(last("no first"))
			peer.Conn().(*wstest.End).CloseWrite()
			receive(context.Background(), c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, cfg := observed(conn.Config{})
			withDrivers(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				n.note(func() {
					require.Equal(t, c, n.opened[0])
					require.Len(t, n.opened, 1)
					require.Empty(t, n.ended)
				})
				end(c, peer)
				c.CloseNow()
				synctest.Wait() // whoever ends it tells the observer last
				require.Len(t, n.ended, 1)
				require.Same(t, c.Err(), n.ended[0])
				n.note(func() { n.opened, n.ended = nil, nil })
			})
		})
	}
}

func TestAnObserverNeedNotHaveFunctions(t *testing.T) {
	cfg := &setup{Config: conn.Config{Observer: &conn.Observer{}, SendQueue: 100, PingInterval: time.Second}}
	withDriversOver(t, cfg, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		sendInAllWays(t, c)
		for range 10 {
			peer.Receive()
		}
		f := peer.Receive()
		require.Equal(t, frame.Ping, f.Opcode)
		peer.Send(text("Hello"), pong(string(f.Payload)), closing(conn.StatusNormalClosure, ""))
		err := <-ended
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusNormalClosure, Remote: true, WasClean: true}, nil)
	})
}

func TestObservingAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	var total conn.MessageSize
	count := func(_ *conn.Conn, s conn.MessageSize) { total.Bytes += s.Bytes }
	cfg := &conn.Config{Observer: &conn.Observer{Received: count, Sent: count}}
	for name, n := range map[string]*conn.Negotiated{"plain": nil, "compressed": {Deflate: &deflate.Params{}, DeflateOptions: compressAll}} {
		message := []byte(strings.Repeat("again and ", 20))
		var burst []byte
		for range 100 {
			burst = wstest.Whole(frame.Binary, string(message)).Append(burst, frame.Client)
		}
		c := conn.Server(&endless{burst: burst, left: 1 << 30}, n, cfg)
		var buf []byte
		there := func() {
			_, data, err := c.ReadAppend(context.Background(), buf[:0])
			if err == nil {
				err = c.Write(context.Background(), conn.Binary, data)
			}
			if err != nil {
				panic(err)
			}
			buf = data
		}
		for range 1000 { // until histories have grown
			there()
		}
		require.LessOrEqual(t, testing.AllocsPerRun(1000, there), 0.99, name)
		c.CloseNow()
	}
	require.Positive(t, total.Bytes)
}

func TestAWriterThatIsObservedTakesNoMoreAllocations(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	var allocs []float64
	for _, o := range []*conn.Observer{nil, {Sent: func(*conn.Conn, conn.MessageSize) {}}} {
		c := conn.Server(&endless{}, nil, &conn.Config{Observer: o})
		allocs = append(allocs, testing.AllocsPerRun(1000, func() {
			w, err := c.Writer(context.Background(), conn.Text)
			if err == nil {
				_, err = io.WriteString(w, "Hello")
			}
			if err != nil || w.Close() != nil {
				panic(err)
			}
		}))
		c.CloseNow()
	}
	require.InDelta(t, allocs[0], allocs[1], 0.5)
}
