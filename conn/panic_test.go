package conn_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// errObserver is what functions panic with.
var errObserver = errors.New("a mistake in an observer")

// requirePanic requires f to panic with what fail has panicked with.
func requirePanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, ok := recover().(error)
		require.True(t, ok, "no panic with an error")
		require.ErrorIs(t, err, errObserver)
		require.ErrorContains(t, err, "conn_test.(*fault).fail", "where it was")
	}()
	f()
}

// fault panics once it is armed.
type fault struct{ armed bool }

func (f *fault) fail() {
	if f.armed {
		f.armed = false
		panic(errObserver)
	}
}

func TestAfterAPanicOfSentOthersSendOn(t *testing.T) {
	prepared := conn.Prepare(conn.Text, []byte("lost in a panic"))
	long := pattern(70_000)
	for name, tt := range map[string]struct {
		send func(ctx context.Context, c *conn.Conn)
		want wstest.Frame
	}{
		"Write":         {func(ctx context.Context, c *conn.Conn) { c.Write(ctx, conn.Text, []byte("text")) }, text("text")},
		"a long Write":  {func(ctx context.Context, c *conn.Conn) { c.Write(ctx, conn.Binary, long) }, binary(string(long))},
		"Send":          {func(_ context.Context, c *conn.Conn) { c.Send(conn.Text, []byte("text")) }, text("text")},
		"WritePrepared": {func(ctx context.Context, c *conn.Conn) { c.WritePrepared(ctx, prepared) }, text("lost in a panic")},
		"SendPrepared":  {func(_ context.Context, c *conn.Conn) { c.SendPrepared(prepared) }, text("lost in a panic")},
		"WriteBatch": {func(ctx context.Context, c *conn.Conn) { c.WriteBatch(ctx, []*conn.Prepared{prepared}) },
			text("lost in a panic")},
		"Stream": {func(ctx context.Context, c *conn.Conn) { conn.Stream(ctx, c, conn.Text).Write([]byte("text")) }, text("text")},
		"Writer": {func(ctx context.Context, c *conn.Conn) {
			w, err := c.Writer(ctx, conn.Text)
			if err == nil {
				w.Write([]byte("text"))
				w.Close()
			}
		}, text("text")},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fault{}
			cfg := &setup{Config: conn.Config{Observer: &conn.Observer{Sent: func(*conn.Conn, conn.MessageSize) { f.fail() }}}}
			withDriversOver(t, cfg, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				f.armed = true
				requirePanic(t, func() { tt.send(t.Context(), c) })
				tt.send(t.Context(), c)
				require.NoError(t, c.Flush(t.Context()))
				peer.Expect(tt.want, tt.want)
			})
		})
	}
}

func TestAfterAPanicOfSentOthersCompressOn(t *testing.T) {
	for name, send := range map[string]func(ctx context.Context, c *conn.Conn){
		"Write": func(ctx context.Context, c *conn.Conn) { c.Write(ctx, conn.Text, []byte("again and again")) },
		"Send":  func(_ context.Context, c *conn.Conn) { c.Send(conn.Text, []byte("again and again")) },
		"Writer": func(ctx context.Context, c *conn.Conn) {
			w, err := c.Writer(ctx, conn.Text)
			if err == nil {
				w.Write([]byte("again and again"))
				w.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fault{}
				negotiated := conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: compressAll}
				near, far := wstest.Pipe(1 << 20)
				c := open(near, frame.Server, &setup{Negotiated: negotiated,
					Config: conn.Config{Observer: &conn.Observer{Sent: func(*conn.Conn, conn.MessageSize) { f.fail() }}}})
				defer c.CloseNow()
				peer := open(far, frame.Client, &setup{Negotiated: negotiated})
				defer peer.CloseNow()
				f.armed = true
				requirePanic(t, func() { send(t.Context(), c) })
				send(t.Context(), c)
				for range 2 {
					_, data, err := peer.Read(t.Context())
					require.NoError(t, err)
					require.Equal(t, "again and again", string(data))
				}
			})
		})
	}
}

func TestAPanicOfSentDoesNotWaitForTheNetwork(t *testing.T) {
	f := &fault{}
	cfg := &setup{Config: conn.Config{Observer: &conn.Observer{Sent: func(*conn.Conn, conn.MessageSize) { f.fail() }}}}
	withDriversOver(t, cfg, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, n := range []int{1000, 100_000} {
			message, start := pattern(n), time.Now()
			f.armed = true
			requirePanic(t, func() { c.Write(t.Context(), conn.Binary, message) })
			require.Zero(t, time.Since(start))
			want := string(message)
			clear(message) // it is the caller's again
			peer.Expect(binary(want))
		}
	})
}

func TestAfterAPanicOfAnObserverOthersReadOn(t *testing.T) {
	for way, read := range ways {
		t.Run(way, func(t *testing.T) {
			f := &fault{}
			cfg := &setup{Config: conn.Config{Observer: &conn.Observer{Received: func(*conn.Conn, conn.MessageSize) { f.fail() }}}}
			inBothRoles(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				peer.Send(text("a"), text("b"))
				f.armed = true
				requirePanic(t, func() { read(t.Context(), c) })
				m, err := read(t.Context(), c)
				require.NoError(t, err)
				require.Equal(t, got{conn.Text, "b"}, m)
				go peer.Send(closing(conn.StatusNormalClosure, ""))
				require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
			})
		})
	}
}

func TestAfterAPanicOfRoundTripOthersReadOn(t *testing.T) {
	f := &fault{}
	o := &conn.Observer{RoundTrip: func(*conn.Conn, time.Duration) { f.fail() }}
	inBothRoles(t, &setup{Config: conn.Config{Observer: o, PingInterval: time.Second}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go func() {
			peer.Send(pong(string(peer.Receive().Payload)), text("a"), text("b"))
			peer.TryReceive()
		}()
		f.armed = true
		read := ways["Messages"]
		requirePanic(t, func() { read(t.Context(), c) })
		m, err := read(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, got{conn.Text, "b"}, m)
	})
}

func TestAfterAPanicOfSlowOthersWriteOn(t *testing.T) {
	f := &fault{}
	o := &conn.Observer{Slow: func(*conn.Conn, time.Duration) { f.fail() }, SlowAfter: time.Second}
	for name, write := range map[string]func(ctx context.Context, c *conn.Conn) error{
		"Write":        func(ctx context.Context, c *conn.Conn) error { return c.Write(ctx, conn.Binary, make([]byte, 1000)) },
		"a long Write": func(ctx context.Context, c *conn.Conn) error { return c.Write(ctx, conn.Binary, make([]byte, 1<<20)) },
		"Pong, which a goroutine writes": func(ctx context.Context, c *conn.Conn) error {
			if err := c.Write(ctx, conn.Binary, make([]byte, 60)); err != nil {
				return err
			}
			return c.Pong(ctx, make([]byte, 125))
		},
		"Writer": func(ctx context.Context, c *conn.Conn) error {
			w, err := c.Writer(ctx, conn.Binary)
			if err == nil {
				defer w.Close()
				_, err = w.Write(make([]byte, 100_000))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothRolesOver(t, &setup{Config: conn.Config{Observer: o}}, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				f.armed = true
				go func() {
					<-time.After(time.Minute)
					for {
						if _, err := peer.TryReceive(); err != nil {
							return
						}
					}
				}()
				requirePanic(t, func() { write(t.Context(), c) })
				require.NoError(t, write(t.Context(), c))
				require.Zero(t, c.BufferedAmount())
			})
		})
	}
}

// atTheEnd are the functions that are called when a connection has ended.
func atTheEnd(f *fault) map[string]func(cfg *setup) (then func(c *conn.Conn)) {
	return map[string]func(cfg *setup) (then func(c *conn.Conn)){
		"Ended": func(cfg *setup) func(c *conn.Conn) {
			cfg.Observer = &conn.Observer{Ended: func(*conn.Conn, *conn.CloseError) { f.fail() }}
			return func(*conn.Conn) {}
		},
		"OnEnd": func(*setup) func(c *conn.Conn) { return func(c *conn.Conn) { c.OnEnd(f.fail) } },
	}
}

func TestAfterAPanicAtTheEndOthersLearnOfIt(t *testing.T) {
	for by, end := range map[string]func(ctx context.Context, c *conn.Conn, peer *wstest.Peer){
		"CloseNow": func(_ context.Context, c *conn.Conn, _ *wstest.Peer) { c.CloseNow() },
		"Close": func(_ context.Context, c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(conn.StatusNormalClosure, ""))
			c.Close(conn.StatusNormalClosure, "")
		},
		"the peer": func(ctx context.Context, c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(conn.StatusNormalClosure, ""))
			c.Read(ctx)
		},
		"the network": func(ctx context.Context, c *conn.Conn, peer *wstest.Peer) {
			peer.Conn().Close()
			c.Read(ctx)
		},
		"a loop over messages": func(ctx context.Context, c *conn.Conn, peer *wstest.Peer) {
			peer.Conn().Close()
			c.Serve(ctx, func(*conn.Conn, conn.Message) error { return nil })
		},
	} {
		f := &fault{}
		for function, arrange := range atTheEnd(f) {
			t.Run(by+" "+function, func(t *testing.T) {
				cfg := &setup{}
				then := arrange(cfg)
				inBothRolesOver(t, cfg, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					then(c)
					other := 0
					c.OnEnd(func() { other++ })
					f.armed = true
					requirePanic(t, func() { end(t.Context(), c, peer) })
					require.Error(t, c.Err())
					require.Equal(t, 1, other)
					c.CloseNow()
					require.Same(t, c.Err(), c.Write(t.Context(), conn.Text, nil))
					_, _, err := c.Read(t.Context())
					require.Same(t, c.Err(), err)
					require.ErrorIs(t, c.Send(conn.Text, nil), c.Err())
				})
			})
		}
	}
}

func TestAPanicOfAnObserverComesToTheEventLoop(t *testing.T) {
	discard := func(*conn.Conn, conn.Message) error { return nil }
	f := &fault{}
	for name, tt := range map[string]struct {
		observer conn.Observer
		do       func(nc *looped, d conn.Driven)
	}{
		"Received": {conn.Observer{Received: func(*conn.Conn, conn.MessageSize) { f.fail() }}, func(nc *looped, d conn.Driven) {
			nc.in = text("a").Append(nil, frame.Client)
			d.Advance(conn.ArrivedBytes, discard)
		}},
		"Sent": {conn.Observer{Sent: func(*conn.Conn, conn.MessageSize) { f.fail() }}, func(nc *looped, d conn.Driven) {
			nc.in = text("a").Append(nil, frame.Client)
			d.Advance(conn.ArrivedBytes, func(c *conn.Conn, m conn.Message) error { return c.Write(context.Background(), m.Type, m.Data) })
		}},
		"Slow": {conn.Observer{Slow: func(*conn.Conn, time.Duration) { f.fail() }, SlowAfter: -1}, func(nc *looped, d conn.Driven) {
			nc.room = 0
			d.Conn().Send(conn.Text, []byte("a"))
			synctest.Wait()
			nc.room = 1 << 20
			d.Writable()
			d.Conn().Flush(context.Background())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc := &looped{room: 1 << 20}
				d := new(conn.DrivenMemory).Open(nc, frame.Server, nil, &conn.Config{Observer: &tt.observer})
				f.armed = true
				requirePanic(t, func() { tt.do(nc, d) })
				nc.in = text("b").Append(nil, frame.Client)
				handled := 0
				_, err := d.Advance(conn.ArrivedBytes, func(c *conn.Conn, m conn.Message) error { handled++; return c.Write(t.Context(), m.Type, m.Data) })
				require.NoError(t, err)
				require.Equal(t, 1, handled)
				require.Zero(t, d.Conn().BufferedAmount())
				d.Conn().CloseNow()
				require.ErrorIs(t, d.Conn().Err(), net.ErrClosed)
			})
		})
	}
}
