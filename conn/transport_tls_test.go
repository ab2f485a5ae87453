package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// tlsPair puts TLS over a pipe that holds size bytes. The handshake is done.
func tlsPair(t *testing.T, size int) (client, server *tls.Conn) {
	t.Helper()
	near, far := wstest.Pipe(size)
	return wstest.TLSOver(t, near, far)
}

func TestMessagesGoOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := tlsPair(t, 0)
		client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
		defer server.CloseNow()
		ended := inBackground(func() error { return server.Serve(t.Context(), echo) })
		for _, n := range []int{0, 11, 17, 100, 20_000, 300_000} {
			for range 3 {
				go client.Write(t.Context(), conn.Binary, pattern(n))
				_, data, err := client.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, string(pattern(n)), string(data))
			}
		}
		require.NoError(t, client.Close(conn.StatusNormalClosure, "bye"))
		requireEnded(t, server, <-ended, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true, WasClean: true}, nil)
	})
}

// TestAContextCutsCallsOverTLS: a tls.Conn does not survive a write that is cut, so the write goes on by itself.
func TestAContextCutsCallsOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := tlsPair(t, 1000)
		client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
		defer client.CloseNow()
		defer server.CloseNow()
		for range 3 {
			_, _, err := server.Read(within(t, time.Second))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, client.Write(within(t, time.Second), conn.Binary, pattern(50_000)), context.DeadlineExceeded)
			go client.Write(t.Context(), conn.Text, []byte("next"))
			for _, want := range []string{string(pattern(50_000)), "next"} {
				_, data, err := server.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
		}
	})
}

// TestWritesOverTLSUnderContextsThatEnd uses sockets, since only with these the caller may write by itself.
func TestWritesOverTLSUnderContextsThatEnd(t *testing.T) {
	near, far := tcpPair(t)
	client, server := wstest.TLSOver(t, near, far)
	c, peer := conn.Server(server, nil, nil), conn.Client(client, nil, nil)
	defer c.CloseNow()
	defer peer.CloseNow()
	const count = 500
	accepted := make([]bool, count+1)
	written := inBackground(func() error {
		for i := range count {
			ctx, cancel := context.WithCancel(t.Context())
			if i%3 == 0 {
				go cancel()
			}
			err := c.Write(ctx, conn.Binary, pattern(i*i%20_000+i))
			cancel()
			if accepted[i] = err == nil; err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
		}
		accepted[count] = true
		return c.Write(t.Context(), conn.Text, []byte("last"))
	})
	var got []string
	for {
		typ, data, err := peer.Read(t.Context())
		require.NoError(t, err)
		got = append(got, string(data))
		if typ == conn.Text {
			break
		}
	}
	require.NoError(t, <-written)
	for i := range accepted {
		want := "last"
		if i < count {
			want = string(pattern(i*i%20_000 + i))
		}
		if len(got) > 0 && got[0] == want {
			got = got[1:]
		} else {
			require.False(t, accepted[i], "message %d is lost", i)
		}
	}
	require.Empty(t, got, "each once, whole, and in order")
}

// TestCloseNowOverTLSDoesNotWaitForAPeerThatDoesNotRead: closing a tls.Conn would, for five seconds.
func TestCloseNowOverTLSDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := tlsPair(t, 1000)
		client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
		require.NoError(t, client.Send(conn.Binary, make([]byte, 100_000)))
		blocked := inBackground(func() error { return server.Write(context.Background(), conn.Binary, make([]byte, 100_000)) })
		synctest.Wait()
		start := time.Now()
		require.NoError(t, client.CloseNow())
		server.CloseNow()
		require.Error(t, <-blocked)
		require.Zero(t, time.Since(start))
	})
}

// TestCloseNowOverTLSDoesNotSayGoodbyeToAPeerThatDoesNotRead: no write is under way that closing would have to cut, but there
// is no room for the goodbye of a tls.Conn.
func TestCloseNowOverTLSDoesNotSayGoodbyeToAPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(4000)
		client, server := wstest.TLSOver(t, near, far)
		for end, c := range map[*wstest.End]*conn.Conn{near: conn.Client(client, nil, nil), far: conn.Server(server, nil, nil)} {
			require.NoError(t, end.SetWriteDeadline(time.Now().Add(time.Second)))
			_, err := end.Write(make([]byte, 5000))
			require.Error(t, err, "it is full")
			require.NoError(t, end.SetWriteDeadline(time.Time{}))
			start := time.Now()
			require.NoError(t, c.CloseNow())
			require.Zero(t, time.Since(start))
		}
	})
}

// BenchmarkAnEchoOverTLS answers a peer that waits for each answer, with a context that can end and one that cannot.
func BenchmarkAnEchoOverTLS(b *testing.B) {
	cancellable, cancel := context.WithCancel(b.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"Background": context.Background(), "cancellable": cancellable} {
		b.Run(name, func(b *testing.B) {
			near, far := tcpPair(b)
			client, server := wstest.TLSOver(b, near, far)
			c := conn.Server(server, nil, nil)
			ended := inBackground(func() error {
				return c.Serve(context.Background(), func(c *conn.Conn, m conn.Message) error { return c.Write(ctx, m.Type, m.Data) })
			})
			peer := conn.Client(client, nil, nil)
			message := pattern(128)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, peer.Write(context.Background(), conn.Binary, message))
				_, _, err := peer.Read(context.Background())
				require.NoError(b, err)
			}
			require.NoError(b, peer.CloseNow())
			<-ended
		})
	}
}

// BenchmarkAWriteOverTLS writes to a peer that reads, with contexts that can end and with one that cannot.
func BenchmarkAWriteOverTLS(b *testing.B) {
	cancellable, cancel := context.WithCancel(b.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"Background": context.Background(), "cancellable": cancellable} {
		b.Run(name, func(b *testing.B) {
			near, far := tcpPair(b)
			client, server := wstest.TLSOver(b, near, far)
			c := conn.Server(server, nil, nil)
			read := inBackground(func() error { _, err := io.Copy(io.Discard, client); return err })
			message := pattern(128)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Write(ctx, conn.Binary, message); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, c.CloseNow())
			<-read
		})
	}
}
