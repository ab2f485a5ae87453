package conn_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// recorded is a looped that keeps what is written.
type recorded struct {
	looped
	wrote []byte
}

func (r *recorded) TryWrite(p, more []byte) (int, error) {
	n, err := r.looped.TryWrite(p, more)
	r.wrote = append(r.wrote, bytes.Join([][]byte{p, more}, nil)[:n]...)
	return n, err
}

func TestWhatALongWriteWithAnEventLoopLeavesIsNotTheCallersAnyMore(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			nc := &recorded{looped: looped{room: 1000}}
			d := new(conn.DrivenMemory).Open(nc, role, nil, nil)
			data := pattern(100_000)
			require.ErrorIs(t, d.Conn().Write(within(t, time.Second), conn.Binary, data), context.DeadlineExceeded)
			clear(data)
			nc.room = 1 << 20
			d.Writable()
			synctest.Wait()
			want := binary(string(pattern(100_000)))
			d.Conn().CloseNow()

			echo := &looped{in: nc.wrote}
			peer := new(conn.DrivenMemory).Open(echo, other(role), nil, nil)
			var got []byte
			for len(echo.in) > 0 {
				_, err := peer.Advance(conn.ArrivedBytes, func(_ *conn.Conn, m conn.Message) error { got = append(got, m.Data...); return nil })
				require.NoError(t, err)
			}
			peer.Conn().CloseNow()
			require.Equal(t, want.Payload, got)
		})
	}
}
