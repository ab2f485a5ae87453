package websocket

import (
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestTheZeroConnMayStandWhereNoConnectionIsNeeded(t *testing.T) {
	for name, c := range map[string]connection{"gorilla": &gorilla.Conn{}, "ours": &Conn{}} {
		t.Run(name, func(t *testing.T) {
			c.SetReadLimit(1)
			c.SetPingHandler(nil)
			c.SetWriteDeadline(time.Time{})
			c.EnableWriteCompression(true)
			require.NoError(t, c.SetCompressionLevel(1))
			require.Empty(t, c.Subprotocol())
			require.Nil(t, c.NetConn())
			require.Nil(t, c.UnderlyingConn())
		})
	}
}
