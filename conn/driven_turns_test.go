package conn_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// counted is a looped that counts how often it is read from.
type counted struct {
	looped
	reads int
}

func (d *counted) TryRead(p []byte) (int, error) {
	d.reads++
	return d.looped.TryRead(p)
}

func TestOneTurnOfAnEventLoopHasFewReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc := &counted{}
		nc.in = bytes.Repeat(ping("as many as fit, each time").Append(nil, frame.Client), 100_000)
		d := new(conn.DrivenMemory).Open(nc, frame.Server, nil, nil)
		defer d.Conn().CloseNow()
		for range 3 {
			before := nc.reads
			_, err := d.Advance(conn.ArrivedBytes, func(*conn.Conn, conn.Message) error { return nil })
			require.NoError(t, err)
			require.LessOrEqual(t, nc.reads-before, 10, "the loop's other connections have to wait")
		}
		require.NotEmpty(t, nc.in)
	})
}

// mute is a looped that refuses every write.
type mute struct{ looped }

func (*mute) TryWrite(p, more []byte) (int, error) { return 0, wstest.ErrFault }

// TestTheCodeOfWhoHungUpMayLieBehindMoreThanOneTurnReads: nobody has read when the time to close is over.
func TestTheCodeOfWhoHungUpMayLieBehindMoreThanOneTurnReads(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			nc := &mute{}
			for range 10 {
				nc.in = binary(string(make([]byte, 100_000))).Append(nc.in, other(role))
			}
			nc.in = farewell[2].Append(nc.in, other(role))
			c := new(conn.DrivenMemory).Open(nc, role, nil, nil).Conn()
			require.ErrorIs(t, c.Write(t.Context(), conn.Text, nil), wstest.ErrFault)
			<-c.Done()
			requireEnded(t, c, c.Err(), expired, nil)
		})
	}
}
