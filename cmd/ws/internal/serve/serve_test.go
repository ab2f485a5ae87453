package serve

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestSilentClientsArePingedIfAskedFor(t *testing.T) {
	none := func(context.Context, *websocket.Conn) {}
	o := &Options{ping: 30 * time.Second}
	_, err := o.server(none)
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, o.Accept.Config.PingInterval)
	require.Equal(t, time.Minute, o.Accept.Config.IdleTimeout)

	o = &Options{}
	_, err = o.server(none)
	require.NoError(t, err)
	require.Zero(t, o.Accept.Config.PingInterval)
	require.Zero(t, o.Accept.Config.IdleTimeout)
}
