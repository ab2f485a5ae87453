package observe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/wstest"
)

// pair returns both ends of a connection, each with an observer.
func pair(client, server *conn.Observer, n *conn.Negotiated) (c, s *conn.Conn) {
	near, far := wstest.Pipe(0)
	return conn.Client(near, n, &conn.Config{Observer: client}), conn.Server(far, n, &conn.Config{Observer: server})
}

// compressed is a connection that compresses everything.
func compressed() *conn.Negotiated {
	return &conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{MinSize: -1}}
}

// receive reads n messages, and then until the end.
func receive(t *testing.T, c *conn.Conn, n int) {
	t.Helper()
	for range n {
		_, _, err := c.Read(context.Background())
		require.NoError(t, err)
	}
	_, _, err := c.Read(context.Background())
	require.Error(t, err)
}

// refused is the handshake of a client that a server has refused.
func refused(status int) *conn.Handshake {
	err := &handshake.Error{Status: status, Reason: "no", Err: errors.New("the cause")}
	return &conn.Handshake{
		Context: context.Background(), Server: true, Took: 3 * time.Millisecond, Scheme: "wss", Host: "server.example", Path: "/chat",
		Proto: "HTTP/1.1", RemoteAddr: "192.0.2.1:1234", Status: status, Err: err,
		Header: map[string][]string{"Cookie": {"secret"}},
	}
}
