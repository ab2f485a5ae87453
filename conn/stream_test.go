package conn_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestStreamIsANetConn(t *testing.T) {
	pipes := map[string]func(t *testing.T) (net.Conn, net.Conn){
		"TCP":       tcpPair,
		"in memory": func(*testing.T) (net.Conn, net.Conn) { a, b := wstest.Pipe(0); return a, b },
	}
	for name, pipe := range pipes {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				a, b := pipe(t)
				client, server := conn.Client(a, nil), conn.Server(b, nil)
				stop := func() {
					client.CloseNow()
					server.CloseNow()
				}
				return conn.Stream(context.Background(), client, conn.Binary), conn.Stream(context.Background(), server, conn.Binary), stop, nil
			})
		})
	}
}

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t *testing.T) (client, server net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	return client, server
}
