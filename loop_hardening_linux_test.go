package websocket

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAResetDuringTheHandshakeEndsItAlone: after any byte of the request, whether it is waited for by the loop or by a goroutine.
// Other systems may forget a connection that was reset before it was accepted.
func TestAResetDuringTheHandshakeEndsItAlone(t *testing.T) {
	for name, listener := range map[string]func(ln net.Listener) net.Listener{
		"on the loop":    func(ln net.Listener) net.Listener { return ln },
		"on a goroutine": func(ln net.Listener) net.Listener { return struct{ net.Listener }{ln} },
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan error, 1)
			o := &AcceptOptions{Registry: &Registry{}}
			o.Config.Observer = &Observer{Handshake: func(h *Handshake) { heard <- h.Err }}
			url, _ := serveLoop(t, startLoop(t), listener(listenLocal(t)), echoEvents, o)
			request := upgradeRequest()
			for _, n := range []int{0, 1, len(request) / 2, len(request) - 1} {
				nc := dialLoop(t, url)
				_, err := io.WriteString(nc, request[:n])
				require.NoError(t, err)
				require.NoError(t, nc.(*net.TCPConn).SetLinger(0))
				require.NoError(t, nc.Close())
				require.Error(t, <-heard)
			}
			c, _, err := Dial(t.Context(), url, nil)
			require.NoError(t, err)
			require.NoError(t, <-heard)
			defer c.CloseNow()
			requireEcho(t, c)
		})
	}
}
