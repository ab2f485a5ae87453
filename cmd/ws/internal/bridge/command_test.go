//go:build unix

package bridge

import (
	"context"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

func TestACommandTalksToAServer(t *testing.T) {
	heard := make(chan string, 10)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, []byte("a b"))
		for {
			_, data, err := c.Read(ctx)
			if err != nil {
				heard <- strconv.Itoa(int(websocket.CloseStatus(err)))
				return
			}
			heard <- string(data)
		}
	})
	got := clitest.Run(t.Context(), Command(), nil, "-text", `exec:read -r line; echo "got $line"; echo end`, s.WS())
	require.Equal(t, clitest.Outcome{}, got)
	require.Equal(t, "got a b", <-heard)
	require.Equal(t, "end", <-heard)
	require.Equal(t, "1000", <-heard)

	got = clitest.Run(t.Context(), Command(), nil, "-text", "exec:echo bad; exit 3", s.WS())
	clitest.RequireTry(t, got, cli.StatusFailed, "the command: exit status 3", "")
	require.Equal(t, "bad", <-heard)
	require.Equal(t, "1011", <-heard)
}

func TestACommandEndsWithTheConnection(t *testing.T) {
	for code, status := range map[websocket.StatusCode]int{1000: 0, 4321: 4} {
		pid := make(chan string, 1)
		s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
			_, data, _ := c.Read(ctx)
			pid <- string(data)
			c.Close(code, "")
		})
		// The second one reads nothing, and does not end by itself.
		for _, rest := range []string{"cat", "while :; do sleep 1 & wait; done"} {
			got := clitest.Run(t.Context(), Command(), nil, "-linger", "1ms", "-text", "exec:echo $$; "+rest, s.WS())
			require.Equal(t, status, got.Status, got.Stderr)
			n, err := strconv.Atoi(<-pid)
			require.NoError(t, err)
			require.ErrorIs(t, syscall.Kill(n, 0), syscall.ESRCH)
		}
	}
}

func TestACommandForEachClientHearsTheEndOfItsInput(t *testing.T) {
	_, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", "exec:wc -c")
	for range 2 {
		got := clitest.Run(t.Context(), Command(), clitest.Words("12345"), "-", url)
		require.Equal(t, 0, got.Status, got.Stderr)
		require.Equal(t, "5", strings.TrimSpace(got.Stdout))
	}
}

func TestACommandIsEndedIfTheOtherSideCannotBeReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	got := clitest.Run(t.Context(), Command(), nil, "exec:cat", "tcp:"+l.Addr().String())
	clitest.RequireTry(t, got, cli.StatusFailed, "refused", "whether the server runs")
}
