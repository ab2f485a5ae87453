package conn_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// ownConn is a net.Conn of somebody's own, which may read from the bufio.Reader.
type ownConn struct{ net.Conn }

func TestHijackedLetsGoOfTheBuffers(t *testing.T) {
	for name, test := range map[string]struct {
		wrap func(net.Conn) net.Conn
		size int
	}{
		"TCP":            {func(nc net.Conn) net.Conn { return nc }, 16},
		"TLS":            {func(nc net.Conn) net.Conn { return tls.Server(nc, &tls.Config{}) }, 16},
		"one of its own": {func(nc net.Conn) net.Conn { return ownConn{nc} }, 4096},
	} {
		for _, early := range []string{"", "early"} {
			t.Run(name+" "+early, func(t *testing.T) {
				near, far := tcpPair(t)
				defer near.Close()
				defer far.Close()
				nc := test.wrap(near)
				brw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader(early)), bufio.NewWriter(io.Discard))
				brw.Reader.Peek(1)
				rest := conn.Hijacked(nc, brw)
				require.Equal(t, early, string(rest))
				require.Equal(t, test.size, brw.Reader.Size())
				require.Equal(t, test.size, brw.Writer.Size())
				require.Zero(t, brw.Writer.Buffered())
				if name == "TCP" { // whoever still has brw may use it
					go far.Write([]byte("from far"))
					got := make([]byte, len("from far"))
					_, err := io.ReadFull(brw, got)
					require.NoError(t, err)
					require.Equal(t, "from far", string(got))
					brw.WriteString("from near")
					require.NoError(t, brw.Flush())
					got = make([]byte, len("from near"))
					_, err = io.ReadFull(far, got)
					require.NoError(t, err)
					require.Equal(t, "from near", string(got))
				}
			})
		}
	}
}
