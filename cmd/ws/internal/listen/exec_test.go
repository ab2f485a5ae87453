//go:build unix

package listen

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestAProcessServesEachConnection(t *testing.T) {
	r, url := start(t, "-exec", `echo "at $PATH_INFO ? $QUERY_STRING, $HTTP_X_A, $HTTP_PROXY, $REMOTE_ADDR"; echo noise >&2; while read -r line; do echo "got $line"; done; echo end`)
	for range 2 {
		c := dial(t, url+"/p?q=1", &websocket.DialOptions{Header: http.Header{"X-A": {"b"}, "Proxy": {"evil"}}})
		require.Equal(t, "at /p ? q=1, b, "+os.Getenv("HTTP_PROXY")+", 127.0.0.1", hear(t, c))
		r.Stderr.Line("noise")
		say(t, c, websocket.Text, "x y")
		require.Equal(t, "got x y", hear(t, c))
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	}
}

func TestTheEndOfTheProcessClosesTheConnection(t *testing.T) {
	for line, code := range map[string]websocket.StatusCode{"echo a": websocket.StatusNormalClosure, "echo a; exit 3": websocket.StatusInternalError} {
		_, url := start(t, "-exec", line)
		c := dial(t, url, nil)
		require.Equal(t, "a", hear(t, c))
		end := ending(t, c)
		require.Equal(t, code, end.Code)
		if code != websocket.StatusNormalClosure {
			require.Equal(t, "exit status 3", end.Reason)
		}
	}
}

func TestBinaryPassesAsItIs(t *testing.T) {
	_, url := start(t, "-b", "-exec", "cat")
	c := dial(t, url, nil)
	sent := strings.Repeat("\x00\xff\n", 50_000)
	go c.Write(t.Context(), websocket.Binary, []byte(sent))
	got := ""
	for len(got) < len(sent) {
		typ, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, websocket.Binary, typ)
		got += string(data)
	}
	require.Equal(t, sent, got)
}

func TestAProcessThatDoesNotEndIsEnded(t *testing.T) {
	r, url := start(t, "-v", "-grace", "1ms", "-exec", `trap '' TERM; echo $$; while :; do sleep 1 & wait; done`)
	c := dial(t, url, nil)
	pid, err := strconv.Atoi(hear(t, c))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, 0))
	c.CloseNow()
	r.Stderr.Line("ended: ")
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestNoMoreProcessesThanAllowed(t *testing.T) {
	r, url := start(t, "-v", "-max", "1", "-exec", "echo ready; cat")
	a := dial(t, url, nil)
	require.Equal(t, "ready", hear(t, a))
	require.Equal(t, websocket.StatusTryAgainLater, ending(t, dial(t, url, nil)).Code)
	r.Stderr.Line("ended: ")
	require.NoError(t, a.Close(websocket.StatusNormalClosure, ""))
	r.Stderr.Line("ended: ")
	require.Equal(t, "ready", hear(t, dial(t, url, nil)), "there is room again")
}
