//go:build unix

package listen

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
	"github.com/seed60239977/websocket/websockettest"
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

func TestALineThatIsTooLongIsNoEndInGoodOrder(t *testing.T) {
	r, url := start(t, "-serve-max-message", "10", "-exec", "echo 1234567890; echo 12345678901; echo after")
	c := dial(t, url, nil)
	require.Equal(t, "1234567890", hear(t, c))
	end := ending(t, c)
	require.Equal(t, websocket.StatusInternalError, end.Code)
	require.Equal(t, "a line of the command is longer than 10 bytes", end.Reason)
	r.Stderr.Line("-serve-max-message allows more")
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

func TestHeaderFieldsThatPassForOthersAreLeftOut(t *testing.T) {
	r := &http.Request{URL: &url.URL{}, Header: http.Header{"X-User": {"me"}, "X_user": {"root"}, "X_user-Id": {"0"}, "Proxy": {"evil"}}}
	var fields []string
	for _, v := range environment(r) {
		if strings.HasPrefix(v, "HTTP_") && !strings.HasPrefix(v, "HTTP_HOST") {
			fields = append(fields, v)
		}
	}
	require.Equal(t, []string{"HTTP_X_USER=me"}, fields)
}

// running calls execute for a connection in memory. The result is how it has ended.
func running(t *testing.T, line string) (client, server *websocket.Conn, ended <-chan error) {
	t.Helper()
	o := &options{exec: line, grace: time.Millisecond, processes: make(chan struct{}, 1), stderr: io.Discard}
	o.out = &show.Printer{Out: io.Discard, Notices: io.Discard}
	o.serve.Accept.Config.ReadLimit = 8 << 20
	client, server = websockettest.Pair(t, &websockettest.Options{Buffer: 4 << 10})
	server.SetReadLimit(8 << 20)
	result := make(chan error, 1)
	go func() { result <- o.execute(t.Context(), &http.Request{URL: &url.URL{}}, server) }()
	return client, server, result
}

func TestAProcessThatDoesNotReadIsEndedWithTheConnection(t *testing.T) {
	client, server, ended := running(t, `echo $$; while :; do sleep 1; done`)
	pid, err := strconv.Atoi(hear(t, client))
	require.NoError(t, err)
	// More than any pipe takes. All but a buffer of it has arrived when this returns.
	say(t, client, websocket.Text, strings.Repeat("x", 4<<20))
	server.CloseNow()
	require.Error(t, <-ended)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestWhatAProcessLeavesBehindIsNotWaitedFor(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no setsid here")
	}
	// It has a group of its own, and the standard output.
	client, server, ended := running(t, `setsid sleep 1000 & echo $!; cat`)
	pid, err := strconv.Atoi(hear(t, client))
	require.NoError(t, err)
	defer syscall.Kill(pid, syscall.SIGKILL)
	server.CloseNow()
	require.Error(t, <-ended)
}
