package conn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// TestWhatIsWrittenBeforeAMessageIsSeenAfterIt is for the race detector, which is to know that a message over a socket comes after
// what was done before it was sent. Tests of programs rely on that, which have both ends in one process.
func TestWhatIsWrittenBeforeAMessageIsSeenAfterIt(t *testing.T) {
	for _, n := range []int{5, 100_000} {
		near, far := tcpPair(t)
		server, client := conn.Server(near, nil, nil), conn.Client(far, nil, nil)
		shared := make([]int, 50)
		sent := inBackground(func() error {
			for i := range shared {
				shared[i] = i
				if err := server.Write(context.Background(), conn.Binary, pattern(n)); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range shared {
			_, p, err := client.Read(t.Context())
			require.NoError(t, err)
			require.Len(t, p, n)
			require.Equal(t, i, shared[i])
		}
		require.NoError(t, <-sent)
		server.CloseNow()
		client.CloseNow()
	}
}
