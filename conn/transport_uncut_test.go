package conn_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// uncuttable counts the reads that no deadline cuts, and notices one that is set during them.
type uncuttable struct {
	net.Conn
	uncut   int
	waiting bool
	wrong   bool
}

func (u *uncuttable) ReadUncut(p []byte) (int, error) {
	u.uncut++
	u.waiting = true
	n, err := u.Conn.Read(p)
	u.waiting = false
	return n, err
}

func (u *uncuttable) SetReadDeadline(t time.Time) error {
	u.wrong = u.wrong || u.waiting
	return u.Conn.SetReadDeadline(t)
}

// A net.Conn may wait with less memory if it knows that no deadline cuts it, which only a context does that can end.
func TestOnlyAContextThatCanEndCutsARead(t *testing.T) {
	var u *uncuttable
	inBothRolesOver(t, nil, 0, func(e *wstest.End) net.Conn {
		u = &uncuttable{Conn: e}
		return u
	}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx := within(t, time.Second)
		for _, read := range ways {
			before := u.uncut
			go peer.Send(text("no context"))
			_, err := read(context.Background(), c)
			require.NoError(t, err)
			require.Greater(t, u.uncut, before)

			before = u.uncut
			go peer.Send(text("a context"))
			_, err = read(ctx, c)
			require.NoError(t, err)
			require.Equal(t, before, u.uncut)
		}
		_, _, err := c.Read(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		read := inBackground(func() error { _, _, err := c.Read(context.Background()); return err })
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		peer.Expect(closing(conn.StatusNormalClosure, "")) // and no answer
		require.Error(t, <-closed)
		require.Error(t, <-read)
		require.False(t, u.wrong)
	})
}
