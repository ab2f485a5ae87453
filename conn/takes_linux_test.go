//go:build linux && !386 && !s390x && !websocket_portable

package conn

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestOnlyTheSocketUnderATLSConnIsAsked(t *testing.T) {
	near, far := wstest.Pipe(0)
	defer far.Close()
	require.Nil(t, newTakes(near))
	require.Nil(t, newTakes(tls.Server(near, nil)), "somebody else's connection")
	for _, network := range []string{"tcp", "unix"} {
		client, server := socketsOf(t, network)
		require.Nil(t, newTakes(server))
		require.Nil(t, newTakes(tls.Server(struct{ net.Conn }{client}, nil)), "a wrapper has methods of its own for a reason")
		require.NotNil(t, newTakes(tls.Server(server, nil)))
	}
}

func TestASocketTakesWhatItHasRoomFor(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		client, server := socketsOf(t, network)
		takes := newTakes(tls.Server(server, nil))
		require.True(t, takes(0))
		require.True(t, takes(100))
		require.False(t, takes(minUnsent))

		written := make(chan error, 1)
		go func() { // until it waits, and longer
			for {
				if _, err := server.Write(make([]byte, 1000)); err != nil {
					written <- err
					return
				}
			}
		}()
		for takes(100) {
			runtime.Gosched()
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			for p := make([]byte, 64<<10); ; {
				if _, err := client.Read(p); err != nil {
					return
				}
			}
		}()
		for !takes(100) {
			runtime.Gosched()
		}
		require.NoError(t, server.Close())
		require.Error(t, <-written)
		<-read
		require.False(t, takes(0), "it is closed")
	}
}

// socketsOf returns two ends of a connection.
func socketsOf(t *testing.T, network string) (client, server net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = wstest.SocketPath(t)
	}
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial(network, l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}
