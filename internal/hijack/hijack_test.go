package hijack

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wrapped is a net.Conn of somebody's own, which may read from the bufio.Reader.
type wrapped struct{ net.Conn }

func TestRestLetsGoOfTheBuffers(t *testing.T) {
	for name, test := range map[string]struct {
		wrap func(net.Conn) net.Conn
		size int
	}{
		"TCP":            {func(nc net.Conn) net.Conn { return nc }, smallest},
		"TLS":            {func(nc net.Conn) net.Conn { return tls.Server(nc, &tls.Config{}) }, smallest},
		"one of its own": {func(nc net.Conn) net.Conn { return wrapped{nc} }, 4096},
	} {
		for _, early := range []string{"", "early"} {
			t.Run(name+" "+early, func(t *testing.T) {
				near, far := tcp(t)
				nc := test.wrap(near)
				brw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader(early)), bufio.NewWriter(io.Discard))
				brw.Reader.Peek(1)
				rest := Rest(nc, brw)
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

// tcp makes a connection over the loopback.
func tcp(t *testing.T) (near, far net.Conn) {
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
