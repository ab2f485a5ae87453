package hub

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestWhatWasMissedGoesOutInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: NewMemory(Keep(Retention{Messages: 1000}))})
		start := from(t, h, newPeer(t).read(), "x", From{})
		const missed = 100
		for n := range missed {
			require.NoError(t, h.Publish(t.Context(), "x", padded(fmt.Sprint(n), 500)))
		}
		for range 2 { // the second one gets what was encoded for the first
			near, far := pipe.New(1 << 20)
			counted := wstest.Faulty(far)
			client, server := conn.Client(near, nil, nil), conn.Server(counted, nil, nil)
			r, err := h.SubscribeFrom(t.Context(), server, "x", From{Since: start.Position})
			require.NoError(t, err)
			require.Equal(t, missed, r.Sent)
			require.Equal(t, 1, counted.Calls(wstest.OpWrite))
			for n := range missed {
				_, data, err := client.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("%-500d", n), string(data))
			}
			client.CloseNow()
			server.CloseNow()
		}
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestThoseWhoComeBackAtOnceShareWhatIsEncoded(t *testing.T) {
	h := New(&Options{Envelope: BinaryEnvelope})
	log := func(epoch, from, to uint64) (messages []*Message) {
		for offset := from; offset <= to; offset++ {
			m := &Message{Topic: "x", Position: Position{epoch, offset}, Type: conn.Text, Data: fmt.Append(nil, epoch, " ", offset)}
			messages = append(messages, m)
		}
		return messages
	}
	for _, c := range []struct {
		name            string
		epoch, from, to uint64
		shared          bool
	}{
		{"the same", 1, 3, 9, true},
		{"the end of it", 1, 5, 9, true},
		{"the last one", 1, 9, 9, true},
		{"more of before", 1, 2, 9, false},
		{"more of after", 1, 3, 10, false},
		{"less of after", 1, 3, 8, false},
		{"another log", 2, 3, 9, false},
	} {
		var e excerpts
		first := e.of(log(1, 3, 9), h)
		messages := log(c.epoch, c.from, c.to)
		second := e.of(messages, h)
		require.Equal(t, c.shared, first == second, c.name)
		require.Same(t, second, e.of(messages, h), c.name)
		got := second.prepared[len(second.prepared)-len(messages):]
		for n, m := range messages {
			require.Equal(t, h.encode(m).Message(), got[n].Message(), c.name)
		}
	}
}

// BenchmarkRecover measures what one of several clients costs that have missed the same 100 messages. Nobody reads but the
// system.
func BenchmarkRecover(b *testing.B) {
	h := New(&Options{Envelope: JSONEnvelope, Broker: NewMemory(Keep(Retention{Messages: 1000}))})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	connect := func() *conn.Conn {
		near, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		far, err := l.Accept()
		require.NoError(b, err)
		go io.Copy(io.Discard, struct{ io.Reader }{near})
		server := conn.Server(far, nil, nil)
		b.Cleanup(func() { server.CloseNow() })
		return server
	}
	r, err := h.SubscribeFrom(b.Context(), connect(), "x", From{})
	require.NoError(b, err)
	const missed = 100
	for n := range missed {
		m := conn.Prepare(conn.Text, fmt.Appendf(nil, `{"n":%d,"x":"%s"}`, n, strings.Repeat("x", 500)))
		require.NoError(b, h.Publish(b.Context(), "x", m))
	}
	c := connect()
	b.ReportAllocs()
	for b.Loop() {
		r, err := h.SubscribeFrom(b.Context(), c, "x", From{Since: r.Position})
		require.NoError(b, err)
		require.Equal(b, missed, r.Sent)
		h.Unsubscribe(c, "x")
	}
}
