package conn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestWhatReadsIsRefusedWhereALoopReads(t *testing.T) {
	inBothRolesBy(t, openDriven, nil, 0, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.True(t, c.EventDriven())
		for name, read := range ways {
			_, err := read(t.Context(), c)
			require.ErrorIs(t, err, conn.ErrEventDriven, name)
		}
		require.ErrorIs(t, c.Serve(t.Context(), echo), conn.ErrEventDriven)
		s := conn.Stream(t.Context(), c, conn.Binary)
		_, err := s.Read(make([]byte, 1))
		require.ErrorIs(t, err, conn.ErrEventDriven)
		_, err = s.Write([]byte("a stream may write"))
		require.NoError(t, err)
		peer.Expect(binary("a stream may write"))
		require.NoError(t, c.Err())
		require.Equal(t, conn.StateOpen, c.State())
	})
}
