package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// findModules looks for a Python that has all of these modules.
func findModules(t *testing.T, debian string, modules ...string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import "+strings.Join(modules, ", ")).Run() == nil {
			return path
		}
	}
	missing(t, debian)
	return ""
}

func TestPythonsH2AndWsprotoAreServedByOurEchoServer(t *testing.T) {
	python := findModules(t, "python3-h2 python3-wsproto", "h2", "wsproto")
	server, addr := startEcho(t, "-http2", "-log")
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	client := start(t, python, "peers/h2_client.py", host, port, "5")
	require.JSONEq(t, `{"open": 5, "good": 40, "codes": [3000]}`, client.line())
	require.Zero(t, client.exitCode(patience))
	requireStreams(t, server, 5)
}

func TestNodesHTTP2IsServedByOurEchoServer(t *testing.T) {
	node := findNode(t)
	server, addr := startEcho(t, "-http2", "-log")
	client := start(t, node, "peers/h2_client.mjs", "http://"+addr, "20")
	require.JSONEq(t, `{"open": 20, "good": 180, "codes": [3000]}`, client.line())
	require.Zero(t, client.exitCode(patience))
	requireStreams(t, server, 20)
}

func TestOurClientIsServedByNodesHTTP2(t *testing.T) {
	server := start(t, findNode(t), "peers/h2_server.mjs")
	addr := server.listening()
	pool := &websocket.HTTP2Pool{Unencrypted: true}
	t.Cleanup(func() { pool.Close() })
	for range 5 {
		ctx, c := connect(t, "ws://"+addr, &websocket.DialOptions{HTTP2: pool})
		requireEcho(t, ctx, c)
		require.NoError(t, c.Close(3000, "that was it"))
		require.JSONEq(t, `{"code": 3000, "reason": "that was it"}`, server.line())
	}
}

func TestOurClientIsServedByHypercorn(t *testing.T) {
	python := findModules(t, "python3-hypercorn", "hypercorn", "h2", "wsproto")
	cert, key, _ := selfSigned(t)
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	server := start(t, python, "-m", "hypercorn", "--bind", addr, "--certfile", cert, "--keyfile", key,
		"peers/h2_app:app")
	awaitListener(t, server, addr)
	o := pooledOptions(t, cert)
	o.Subprotocols = []string{"echo.v1"}
	for range 5 {
		c, resp, err := websocket.Dial(t.Context(), "wss://"+addr, o)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		require.Equal(t, "echo.v1", c.Subprotocol())
		requireEcho(t, t.Context(), c)
		require.NoError(t, c.Close(3000, "that was it"))
	}
	require.Contains(t, server.stderr.String(), "version 2")
}
