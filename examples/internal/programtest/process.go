package programtest

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/internal/wstest"
)

// asExample in the environment makes a test binary run the example instead of its tests.
const asExample = "WEBSOCKET_TEST_AS_EXAMPLE"

// Main is the TestMain of an example whose main function is example. It lets [CheckShutdown] run the example as a process.
func Main(m *testing.M, example func()) {
	if os.Getenv(asExample) != "" {
		example()
		return
	}
	os.Exit(m.Run())
}

// CheckShutdown tests that a client whose handshake has succeeded always hears that the server goes away, however soon
// after the handshake that is. The example runs as a process of its own: what it has not sent when it exits is lost.
func CheckShutdown(t *testing.T, path string, args ...string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM")
	}
	for range wstest.Rounds(40) {
		checkShutdown(t, path, args)
	}
}

func checkShutdown(t *testing.T, path string, args []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), asExample+"=1", "GORACE=atexit_sleep_ms=0") // or -race would wait a second at each exit
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	addr := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))

	var clients [20]*websocket.Conn
	var dials sync.WaitGroup
	for i := range clients {
		dials.Go(func() {
			c, _, err := websocket.Dial(t.Context(), "ws://"+addr+path, nil)
			if assert.NoError(t, err) {
				clients[i] = c
			}
		})
	}
	dials.Wait()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.False(t, t.Failed())
	for _, c := range clients {
		defer c.CloseNow()
		end := Closed(t, c)
		require.Equal(t, websocket.StatusGoingAway, end.Code, end)
		require.True(t, end.WasClean)
	}
	require.NoError(t, cmd.Wait())
}
