package conn

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownConn is a net.Conn of somebody's own, which may read from the bufio.Reader.
type ownConn struct{ net.Conn }

func TestHijackedLetsGoOfTheBuffers(t *testing.T) {
	for name, test := range map[string]struct {
		wrap func(net.Conn) net.Conn
		size int
	}{
		"TCP":            {func(nc net.Conn) net.Conn { return nc }, smallestReader},
		"TLS":            {func(nc net.Conn) net.Conn { return tls.Server(nc, &tls.Config{}) }, smallestReader},
		"one of its own": {func(nc net.Conn) net.Conn { return ownConn{nc} }, 4096},
	} {
		for _, early := range []string{"", "early"} {
			t.Run(name+" "+early, func(t *testing.T) {
				near, far := tcpPair(t)
				nc := test.wrap(near)
				brw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader(early)), bufio.NewWriter(io.Discard))
				brw.Reader.Peek(1)
				rest := Hijacked(nc, brw)
				if early == "" {
					require.Nil(t, rest)
				}
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

// tcpPair makes a connection over the loopback.
func tcpPair(t *testing.T) (near, far net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	far, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}
