package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// dialPeer starts the server of another library and connects to it.
func dialPeer(t *testing.T, p peer) (context.Context, *process, *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	server, addr := p.server(t)
	c, _, err := websocket.Dial(ctx, "ws://"+addr+"/", &websocket.DialOptions{Subprotocols: []string{"echo.v1"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	require.Equal(t, "echo.v1", c.Subprotocol())
	c.SetReadLimit(64 << 20)
	return ctx, server, c
}

// closedBy reads the connection to its end and returns how it ended.
func closedBy(t *testing.T, ctx context.Context, c *websocket.Conn) *websocket.CloseError {
	t.Helper()
	_, _, err := c.Read(ctx)
	var closed *websocket.CloseError
	require.ErrorAs(t, err, &closed)
	return closed
}

func TestTheirServerEchoesEveryMessageOfOurClient(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, server, c := dialPeer(t, p)
		echoed := func(typ websocket.MessageType, payload []byte) {
			t.Helper()
			sent := bytes.Clone(payload)
			require.NoError(t, c.Write(ctx, typ, payload))
			require.True(t, bytes.Equal(sent, payload), "Write changed the caller's bytes")
			gotType, got, err := c.Read(ctx)
			require.NoError(t, err)
			require.Equal(t, typ, gotType)
			require.True(t, bytes.Equal(payload, got), "%d bytes came back as %d others", len(payload), len(got))
		}
		for _, text := range []string{"Hello", "你好，世界", "👩‍🚀🚀", "a\x00b"} {
			echoed(websocket.Text, []byte(text))
		}
		for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
			echoed(websocket.Text, bytes.Repeat([]byte("x"), n))
			binary := make([]byte, n)
			for i := range binary {
				binary[i] = byte(i % 251)
			}
			echoed(websocket.Binary, binary)
		}
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		require.JSONEq(t, `{"code": 1000, "reason": ""}`, server.line())
	})
}

func TestTheirServerUnderstandsFragmentsOfOurClient(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, _, c := dialPeer(t, p)
		w, err := c.Writer(ctx, websocket.Text)
		require.NoError(t, err)
		text := strings.Repeat("纯文本🚀", 10_000)
		for i := 0; i < len(text); i += 4097 { // frames end inside characters
			_, err := io.WriteString(w, text[i:min(i+4097, len(text))])
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		typ, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.Text, typ)
		require.True(t, text == string(got))
	})
}

func TestOurClientUnderstandsFragmentsOfTheirServer(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, _, c := dialPeer(t, p)
		require.NoError(t, c.Write(ctx, websocket.Text, []byte("fragments")))
		typ, r, err := c.Reader(ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.Text, typ)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "ab🚀cd", string(got))
	})
}

func TestPingsAreAnsweredInBothDirections(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, _, c := dialPeer(t, p)
		require.NoError(t, c.Write(ctx, websocket.Text, []byte("ping")))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "pong: here?", string(got))

		read := make(chan error, 1)
		go func() { // somebody has to read for a pong to arrive
			_, _, err := c.Read(ctx)
			read <- err
		}()
		rtt, err := c.Ping(ctx)
		require.NoError(t, err)
		require.Positive(t, rtt)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		require.ErrorIs(t, <-read, net.ErrClosed)
	})
}

func TestTheirServerReadsTheCodeAndReasonOfOurClient(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, server, c := dialPeer(t, p)
		require.NoError(t, c.Close(3000, "that was 好"))
		require.JSONEq(t, `{"code": 3000, "reason": "that was 好"}`, server.line())
		closed := closedBy(t, ctx, c)
		require.EqualValues(t, 3000, closed.Code)
		require.True(t, closed.WasClean)
		require.False(t, closed.Remote)
	})
}

func TestOurClientReadsTheCodeAndReasonOfTheirServer(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p peer) {
		ctx, server, c := dialPeer(t, p)
		require.NoError(t, c.Write(ctx, websocket.Text, []byte("close")))
		closed := closedBy(t, ctx, c)
		require.EqualValues(t, 3001, closed.Code)
		require.Equal(t, "that was 好", closed.Reason)
		require.True(t, closed.WasClean)
		require.True(t, closed.Remote)
		require.Contains(t, server.line(), "3001") // the code that our close frame answered with
	})
}
