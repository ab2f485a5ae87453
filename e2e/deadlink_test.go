package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// beat is a heartbeat for tests that wait for its end. The limit is longer than a busy machine makes a living peer wait.
var beat = websocket.Config{PingInterval: 500 * time.Millisecond, IdleTimeout: 4 * time.Second, ReadLimit: 4 << 20}

func TestBothEndsNoticeThatTheLinkIsDead(t *testing.T) {
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			ends := make(chan error, 1)
			server := httptest.NewUnstartedServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
				ends <- c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
			}, &websocket.AcceptOptions{Config: beat}))
			o := &websocket.DialOptions{Config: beat}
			if scheme == "wss" {
				server.StartTLS()
				roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				o.TLSConfig = &tls.Config{RootCAs: roots}
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			link, address := newLink(t, server.Listener.Addr().String())
			ctx, c := connect(t, scheme+"://"+address, o)
			requireEcho(t, ctx, c)

			// Silence is no reason to part as long as the link is there.
			idle, cancel := context.WithTimeout(ctx, 2*beat.IdleTimeout)
			defer cancel()
			_, _, err := c.Read(idle)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, websocket.StateOpen, c.State())

			link.set(false, true)
			begun := time.Now()
			for who, err := range map[string]error{"client": closedBy(t, ctx, c), "server": <-ends} {
				require.ErrorIs(t, err, websocket.ErrPeerTimeout, who)
				var end *websocket.CloseError
				require.ErrorAs(t, err, &end)
				require.Equal(t, websocket.StatusAbnormalClosure, end.Code)
			}
			t.Logf("noticed after %v, with a ping every %v and a limit of %v",
				time.Since(begun).Round(time.Millisecond), beat.PingInterval, beat.IdleTimeout)
		})
	}
}

// namespaces makes two network namespaces that are connected by a pair of virtual Ethernet devices, each with an
// address. Nothing outside of them changes.
func namespaces(t *testing.T) (left, right string) {
	t.Helper()
	ip := func(args ...string) {
		t.Helper()
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			t.Skipf("network namespaces cannot be made here: ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	left, right = fmt.Sprintf("wsleft%d", os.Getpid()), fmt.Sprintf("wsright%d", os.Getpid())
	for _, name := range []string{left, right} {
		ip("netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	}
	ip("-n", left, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", right)
	for name, address := range map[string]string{left: "192.0.2.1/30", right: "192.0.2.2/30"} {
		ip("-n", name, "addr", "add", address, "dev", "veth0")
		ip("-n", name, "link", "set", "veth0", "up")
	}
	return left, right
}

func TestOurClientNoticesThatACableIsPulled(t *testing.T) {
	left, right := namespaces(t)
	client := filepath.Join(t.TempDir(), "client")
	build := exec.Command("go", "build", "-o", client, "./examples/client")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	server := start(t, "ip", "netns", "exec", right, echoProgram, "-addr", "192.0.2.2:9001")
	require.Equal(t, "192.0.2.2:9001", server.listening())
	talk := start(t, "ip", "netns", "exec", left, client, "-ping", "300ms", "-stay", "ws://192.0.2.2:9001/")
	for late := time.After(patience); !strings.Contains(talk.stderr.String(), "client: connected"); {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			require.FailNow(t, "not connected")
		}
	}

	require.NoError(t, exec.Command("ip", "-n", right, "link", "set", "veth0", "down").Run())
	begun := time.Now()
	require.Equal(t, 106, talk.exitCode(patience))
	t.Logf("noticed after %v", time.Since(begun).Round(time.Millisecond))
	require.Contains(t, talk.stderr.String(), websocket.ErrPeerTimeout.Error())
}
