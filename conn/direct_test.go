package conn_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// A long message that a context cuts off over a real socket is finished ahead of the next one, whoever masks.
func TestTheRestOfALongMessageGoesOutAheadOfTheNext(t *testing.T) {
	long := make([]byte, 40<<20) // more than socket buffers hold
	for i := range long {
		long[i] = byte(i * 7 >> 3)
	}
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			near, far := tcpPair(t)
			defer far.Close()
			c := conn.Server(near, nil)
			if role == frame.Client {
				c = conn.Client(near, nil)
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
		cfg := &conn.Config{ReadLimit: -1}
		client, server := conn.Client(near, cfg), conn.Server(far, cfg)
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
