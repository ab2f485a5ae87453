package conn_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
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
