package conn_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// A long message that a context cuts off over a real socket is finished ahead of the next one, whoever masks.
func TestTheRestOfALongMessageGoesOutAheadOfTheNext(t *testing.T) {
	long := make([]byte, tcpFull)
	for i := range long {
		long[i] = byte(i * 7 >> 3)
	}
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			near, far := tcpPair(t)
			defer far.Close()
			c := conn.Server(near, nil, nil)
			if role == frame.Client {
				c = conn.Client(near, nil, nil)
			}
			defer c.CloseNow()
			ctx, cancel := context.WithCancel(t.Context())
			cutOff := make(chan error)
			go func() { cutOff <- c.Write(ctx, conn.Binary, long) }()
			peer := wstest.NewPeer(t, far, other(role))
			first := make([]byte, 14)
			_, err := io.ReadFull(far, first) // the message is on its way
			require.NoError(t, err)
			cancel()
			require.ErrorIs(t, <-cutOff, context.Canceled)
			require.Positive(t, c.BufferedAmount())
			require.Equal(t, conn.StateOpen, c.State())
			written := bytes.Clone(long)
			clear(long) // the caller's again
			go c.Write(t.Context(), conn.Text, []byte("next"))

			h, n, err := frame.Parse(first)
			require.NoError(t, err)
			payload := make([]byte, h.Length)
			copy(payload, first[n:])
			_, err = io.ReadFull(far, payload[len(first)-n:])
			require.NoError(t, err)
			if h.Masked {
				for i := range payload {
					payload[i] ^= h.Key[i%4]
				}
			}
			require.True(t, bytes.Equal(written, payload))
			peer.Expect(text("next"))
			require.NoError(t, c.Flush(t.Context()))
			require.Zero(t, c.BufferedAmount())
		})
	}
}

func TestLongMessagesGoBothWays(t *testing.T) {
	for _, size := range []int{16<<10 - 1, 16 << 10, 64<<10 - 1, 64 << 10, 1 << 20, 5<<20 + 3} {
		near, far := tcpPair(t)
		cfg := &setup{Config: conn.Config{ReadLimit: -1}}
		client, server := open(near, frame.Client, cfg), open(far, frame.Server, cfg)
		go func() {
			defer server.CloseNow()
			for m, err := range server.Messages(t.Context()) {
				if err != nil || server.Write(t.Context(), m.Type, m.Data) != nil {
					return
				}
			}
		}()
		message := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
		go client.Write(t.Context(), conn.Text, message)
		_, back, err := client.Read(t.Context())
		require.NoError(t, err)
		require.True(t, bytes.Equal(message, back))
		require.NoError(t, client.Close(conn.StatusNormalClosure, ""))
	}
}

// TestWhatSendAcceptedGoesOutThoughAWriteIsCut: the write that a context cuts carried it along.
func TestWhatSendAcceptedGoesOutThoughAWriteIsCut(t *testing.T) {
	const size = tcpFull
	near, far := tcpPair(t)
	defer far.Close()
	c := open(near, frame.Server, &setup{Config: conn.Config{SendQueue: 1 << 30}})
	defer c.CloseNow()
	for range 2 {
		require.NoError(t, c.Send(conn.Binary, make([]byte, size)))
	}
	cutOff := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { cutOff <- c.Write(ctx, conn.Text, []byte("cut")) }()
	const first, all = size + 1<<20, 2 * (10 + size) // then the second is on its way: there is no room for the third before
	_, err := io.CopyN(io.Discard, far, first)
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-cutOff, context.Canceled)
	require.NoError(t, far.SetReadDeadline(time.Now().Add(wstest.Patience)))
	_, err = io.CopyN(io.Discard, far, all-first)
	require.NoError(t, err)
}

// TestALongMessageIsNotOvertaken: it goes out right behind what was accepted before, whatever is sent meanwhile.
func TestALongMessageIsNotOvertaken(t *testing.T) {
	next, long := strings.Repeat("is next ", 20), strings.Repeat("long", 20<<10)
	withDriversOver(t, nil, 10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Send(conn.Text, []byte("is being written")))
		synctest.Wait()
		require.NoError(t, c.Send(conn.Text, []byte(next)))
		written := make(chan error, 1)
		go func() { written <- c.Write(context.Background(), conn.Text, []byte(long)) }()
		synctest.Wait()
		peer.Expect(text("is being written"))
		synctest.Wait()
		require.NoError(t, c.Send(conn.Text, []byte("comes too late")))
		peer.Expect(text(next), text(long), text("comes too late"))
		require.NoError(t, <-written)
	})
}
