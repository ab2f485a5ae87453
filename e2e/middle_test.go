package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// findProgram looks for a program that may be where only administrators look.
func findProgram(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	missing(t, name)
	return ""
}

// freePort returns a port that nobody listens on, for programs that have to be told one.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// awaitListener waits until a program that says nothing accepts connections.
func awaitListener(t *testing.T, p *process, address string) {
	t.Helper()
	for late := time.After(patience); ; {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			require.NoError(t, nc.Close())
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.exited:
			require.FailNow(t, "ended before it listened", "%s: %s", p.cmd, p.stderr.String())
		case <-late:
			require.FailNow(t, "does not listen", "%s: %s", p.cmd, p.stderr.String())
		}
	}
}

// configFile writes a configuration to a file of the test.
func configFile(t *testing.T, name, format string, args ...any) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600))
	return file
}

// trusting is a TLS configuration that trusts the certificate in a file and no other.
func trusting(t *testing.T, certFile string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(certFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	return &tls.Config{RootCAs: roots}
}

// connect dials and closes the connection at the end of the test.
func connect(t *testing.T, url string, o *websocket.DialOptions) (context.Context, *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, url, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	return ctx, c
}

// requireEcho sends messages of many lengths and asks for the same to come back.
func requireEcho(t *testing.T, ctx context.Context, c *websocket.Conn) {
	t.Helper()
	c.SetReadLimit(4 << 20)
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 3 << 20} {
		for typ, payload := range map[websocket.MessageType][]byte{
			websocket.Text:   bytes.Repeat([]byte("a"), n),
			websocket.Binary: bytes.Repeat([]byte{0xff, 0}, n/2),
		} {
			require.NoError(t, c.Write(ctx, typ, payload))
			gotType, got, err := c.Read(ctx)
			require.NoError(t, err)
			require.Equal(t, typ, gotType)
			require.True(t, bytes.Equal(payload, got), "%d bytes came back as %d others", len(payload), len(got))
		}
	}
}
