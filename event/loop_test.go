package event

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
)

func TestALoopEchoesOverRealSockets(t *testing.T) {
	l, err := New(&Options{Shards: 1})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := make(chan error, 10)
	e := &Events{
		Message: func(c *conn.Conn, m conn.Message) error { return c.Write(context.Background(), m.Type, m.Data) },
		Close:   func(c *conn.Conn, err error) { closed <- err },
	}
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			l.Attach(nc, frame.Server, &Opening{Context: t.Context(), Events: e})
		}
	}()
	for range 3 {
		nc, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		c := conn.Client(nc, nil, nil)
		big := make([]byte, 900000)
		for _, msg := range [][]byte{[]byte("hello"), big, []byte("x")} {
			go c.Write(t.Context(), conn.Binary, msg)
			_, got, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, msg, got)
		}
		require.NoError(t, c.Close(conn.StatusNormalClosure, "bye"))
		require.Error(t, <-closed)
	}
	nc, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c := conn.Client(nc, nil, nil)
	require.NoError(t, c.Write(t.Context(), conn.Binary, []byte("x")))
	_, _, err = c.Read(t.Context())
	require.NoError(t, err)
	ln.Close()
	done := make(chan error)
	go func() { done <- l.Shutdown(t.Context()) }()
	_, _, err = c.Read(t.Context())
	require.Equal(t, conn.StatusGoingAway, conn.CloseStatus(err))
	c.CloseNow()
	require.NoError(t, <-done)
	require.Error(t, <-closed)
}
