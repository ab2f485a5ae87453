package conn_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/internal/wstest"
)

// looped is a network connection of an event loop that the test plays: what has arrived is in, and out takes room bytes.
type looped struct {
	net.Conn
	in   []byte
	out  int
	room int
}

func (l *looped) TryRead(p []byte) (int, error) {
	if len(l.in) == 0 {
		return 0, nonblock.ErrWouldBlock
	}
	n := copy(p, l.in)
	l.in = l.in[n:]
	return n, nil
}

func (l *looped) TryWrite(p, more []byte) (int, error) {
	n := min(l.room, len(p)+len(more))
	l.room -= n
	l.out += n
	return n, nil
}

func (l *looped) Close() error      { return nil }
func (l *looped) CloseWrite() error { return nil }
func (l *looped) AwaitRead() error  { return net.ErrClosed }
func (l *looped) AwaitWrite()       {}
func (l *looped) Resume()           {}
func (l *looped) Ended()            {}
func (l *looped) AfterFunc(d time.Duration, f func()) nonblock.Timer {
	return time.AfterFunc(d, f)
}

func TestAnObserverIsToldOfMessagesOfAnEventLoop(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			n, cfg := observed(conn.Config{})
			nc := &looped{room: 1 << 20}
			for _, f := range []wstest.Frame{text("Hello"), begin("in "), last("two"), binary(string(pattern(100_000)))} {
				nc.in = f.Append(nc.in, other(role))
			}
			d := new(conn.DrivenMemory).Open(nc, role, nil, &cfg.Config)
			for len(nc.in) > 0 {
				_, err := d.Advance(conn.ArrivedBytes, func(c *conn.Conn, m conn.Message) error { return c.Write(t.Context(), m.Type, m.Data) })
				require.NoError(t, err)
			}
			want := []conn.MessageSize{size(conn.Text, 5), size(conn.Text, 6), size(conn.Binary, 100_000)}
			require.Equal(t, want, n.received)
			require.Equal(t, want, n.sent, "the long one is not copied")
			require.Greater(t, nc.out, 100_000)
			d.Conn().CloseNow()
			require.Len(t, n.opened, 1)
			require.Len(t, n.ended, 1)
			require.Empty(t, n.slow)
		})
	}
}

func TestAnObserverIsToldOfASlowPeerOfAnEventLoop(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		then  func(nc *looped, d conn.Driven)
		want  []time.Duration
	}{
		"it takes more":           {0, func(nc *looped, d conn.Driven) { nc.room = 1000; d.Writable() }, []time.Duration{3 * time.Second}},
		"it takes more just then": {3 * time.Second, func(nc *looped, d conn.Driven) { nc.room = 1000; d.Writable() }, []time.Duration{3 * time.Second}},
		"it takes more in time":   {4 * time.Second, func(nc *looped, d conn.Driven) { nc.room = 1000; d.Writable() }, nil},
		"it takes no more":        {0, func(nc *looped, d conn.Driven) { d.Conn().CloseNow() }, []time.Duration{3 * time.Second}},
		"nobody looks":            {0, func(nc *looped, d conn.Driven) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, cfg := observed(conn.Config{})
				cfg.Observer.SlowAfter = tt.after
				nc := &looped{room: 10}
				d := new(conn.DrivenMemory).Open(nc, frame.Server, nil, &cfg.Config)
				require.NoError(t, d.Conn().Send(conn.Binary, make([]byte, 100)))
				synctest.Wait()
				<-time.After(time.Second)
				nc.room = 10
				d.Writable() // some of it, which does not end the wait
				<-time.After(2 * time.Second)
				tt.then(nc, d)
				synctest.Wait()
				require.Equal(t, tt.want, n.slow)
				d.Conn().Send(conn.Text, []byte("more"))
				synctest.Wait()
				require.Equal(t, tt.want, n.slow, "it is told once")
				d.Conn().CloseNow()
				require.Len(t, n.ended, 1)
			})
		})
	}
}
