package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// forEachPeer runs a test with every library of others.
func forEachPeer(t *testing.T, test func(t *testing.T, p peer)) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

func TestTheirClientIsServedByOurEchoServer(t *testing.T) {
	for _, c := range []struct{ scenario, want string }{
		{"echo", `{"protocol": "echo.v1", "good": 20, "bad": [], "code": 1000, "reason": ""}`},
		{"fragments", `{"pong": "between", "text": "ab🚀cd"}`},
		{"ping", `{"pongs": [true, true, true]}`},
		{"close", `{"code": 3000, "reason": "that was 好"}`},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			forEachPeer(t, func(t *testing.T, p peer) {
				for _, engine := range engines {
					_, addr := startEcho(t, "-engine", engine)
					client := p.client(t, "ws://"+addr+"/any/path?at=all", c.scenario)
					require.JSONEq(t, c.want, client.line(), engine)
					require.Zero(t, client.exitCode(patience), engine)
				}
			})
		})
	}
}

func TestTheirClientIsToldThatOurServerGoesAway(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		for _, engine := range engines {
			server, addr := startEcho(t, "-engine", engine)
			client := p.client(t, "ws://"+addr, "wait")
			require.Equal(t, `"connected"`, client.line())
			server.terminate()
			require.Contains(t, client.line(), `1001`, engine)
			require.Zero(t, server.exitCode(patience), engine)
			require.Zero(t, client.exitCode(patience), engine)
		}
	})
}
