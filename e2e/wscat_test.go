package e2e

import (
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// wscat is the file of npm's wscat.
func wscat(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node")
	}
	file, err := filepath.Abs("node_modules/.bin/wscat")
	require.NoError(t, err)
	if _, err := exec.LookPath(file); err != nil {
		missing(t, "npm's wscat (npm ci)")
	}
	return file
}

// TestTheTableBesideWscatHolds runs both of them, for what docs/ws.md says of wscat and does not depend on who is quicker.
func TestTheTableBesideWscatHolds(t *testing.T) {
	wscat, ws := wscat(t), buildWS(t)
	// run runs a client, whose standard input stays open until it has ended.
	run := func(name string, args ...string) (stdout string, status int) {
		cmd := exec.Command(name, args...)
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		defer stdin.Close()
		output, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		all, err := io.ReadAll(output)
		require.NoError(t, err)
		_ = cmd.Wait() // the status says it
		return string(all), cmd.ProcessState.ExitCode()
	}

	_, binary := listenWS(t, ws, "-b", "-exec", `printf '\377\001'`)
	got, _ := run(wscat, "--no-color", "-c", "ws://"+binary)
	require.Contains(t, got, "\ufffd\x01", "bytes that are no UTF-8 are lost")
	got, _ = run(ws, "connect", "-q", binary)
	require.Equal(t, "\xff\x01", got)

	_, broken := listenWS(t, ws, "-exec", "exit 3")
	_, status := run(wscat, "-c", "ws://"+broken)
	require.Zero(t, status)
	_, status = run(ws, "connect", "-q", broken)
	require.Equal(t, 111, status)

	help, _ := run(wscat, "--help")
	for _, flag := range []string{"--auth", "--proxy", "--ca ", "--cert", "--subprotocol", "--origin", "--header", "--slash", "--execute", "--wait", "--listen", "--passphrase"} {
		require.Contains(t, help, flag)
	}
	require.NotRegexp(t, `(?i)http2|http/2|reconnect|record|replay|load|bridge|compress|rpc`, help)
}
