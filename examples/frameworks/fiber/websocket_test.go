package main

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// taken is a connection as fasthttp hands it over.
type taken struct {
	net.Conn
	br *bufio.Reader
}

func (c taken) Read(p []byte) (int, error) { return c.br.Read(p) }
func (c taken) UnsafeConn() net.Conn       { return c.Conn }

func TestAReplayedConnectionGoesOnWhereTheServerHasStopped(t *testing.T) {
	for _, behind := range []string{"", "behind"} {
		server, client := net.Pipe()
		nc := taken{server, bufio.NewReader(server)}
		if behind != "" {
			go io.WriteString(client, behind)
			_, err := nc.br.Peek(len(behind))
			require.NoError(t, err)
		}
		replayed := replayed([]byte("request"), nc)
		go func() {
			io.WriteString(client, "later")
			client.Close()
		}()
		all, err := io.ReadAll(replayed)
		require.NoError(t, err)
		require.Equal(t, "request"+behind+"later", string(all))
		require.NoError(t, replayed.Close())
	}
}
