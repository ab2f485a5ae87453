package conn_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// like is a net.Conn that carries what a browser does.
type like struct{ net.Conn }

func (like) Carries(opcode frame.Opcode, code frame.StatusCode) bool {
	return opcode == frame.Close && (code == 1000 || code == 1005 || code >= 3000)
}

func TestWhatABrowserDoesNotSendIsATypedError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		c := conn.Client(like{near}, nil, nil)
		defer c.CloseNow()
		for name, call := range map[string]func() error{
			"Ping": func() error {
				_, err := c.Ping(t.Context())
				return err
			},
			"Pong":     func() error { return c.Pong(t.Context(), nil) },
			"SendPing": func() error { return c.SendPing(nil) },
			"SendPong": func() error { return c.SendPong(nil) },
		} {
			err := call()
			var browser *conn.BrowserError
			require.ErrorAs(t, err, &browser, name)
			require.ErrorIs(t, err, errors.ErrUnsupported, name)
			require.NotErrorIs(t, err, net.ErrClosed, name)
			require.EqualError(t, err, "websocket: a browser does not let programs send pings and pongs", name)
		}
		require.ErrorIs(t, c.Pong(t.Context(), make([]byte, 126)), conn.ErrControlTooLong)
		require.Equal(t, conn.StateOpen, c.State())
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("still here")))
		peer := wstest.NewPeer(t, far, frame.Server)
		peer.Expect(wstest.Whole(frame.Text, "still here"))
	})
}

func TestACodeThatABrowserDoesNotSendIsLeftOut(t *testing.T) {
	for code, want := range map[conn.StatusCode]wstest.Frame{
		1000: wstest.CloseFrame(1000, "bye"),
		4001: wstest.CloseFrame(4001, "bye"),
		1001: wstest.Whole(frame.Close, ""),
		1011: wstest.Whole(frame.Close, ""),
		1006: wstest.Whole(frame.Close, ""), // which would have been 1011 elsewhere
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			c := conn.Client(like{near}, nil, nil)
			closed := make(chan error, 1)
			go func() { closed <- c.Close(code, "bye") }()
			peer := wstest.NewPeer(t, far, frame.Server)
			peer.Expect(want)
			peer.Send(want)
			require.NoError(t, far.Close())
			err := <-closed
			var browser *conn.BrowserError
			require.Equal(t, len(want.Payload) == 0, errors.As(err, &browser), "%d: %v", code, err)
			var wrong *frame.ProtocolError
			require.Equal(t, code == 1006, errors.As(err, &wrong), "%d: %v", code, err)
			_, _, ended := receive(context.Background(), c)
			require.Equal(t, len(want.Payload) == 0, conn.CloseStatus(ended) == conn.StatusNoStatus)
		})
	}
}
