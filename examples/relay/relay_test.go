package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// readToEnd reads c until it has ended.
func readToEnd(c *websocket.Conn) *websocket.CloseError {
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			var end *websocket.CloseError
			errors.As(err, &end)
			return end
		}
	}
}

// ends returns both ends of a relay over TCP.
func ends(t *testing.T) (client, backend *websocket.Conn) {
	t.Helper()
	accepted, over := make(chan *websocket.Conn, 1), make(chan struct{})
	front := inFrontOf(t, websocket.Handler(func(_ context.Context, c *websocket.Conn) {
		accepted <- c
		<-over // until then it is the test that has it
	}, nil))
	client, _, err := websocket.Dial(t.Context(), front, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		client.CloseNow()
		close(over)
	})
	return client, <-accepted
}

// eachWay runs a test twice: what one end does, seen at the other.
func eachWay(t *testing.T, test func(t *testing.T, one, other *websocket.Conn)) {
	t.Run("client to backend", func(t *testing.T) {
		client, backend := ends(t)
		test(t, client, backend)
	})
	t.Run("backend to client", func(t *testing.T) {
		client, backend := ends(t)
		test(t, backend, client)
	})
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	eachWay(t, func(t *testing.T, one, other *websocket.Conn) {
		other.SetReadLimit(-1)
		sent := []websocket.Message{
			{Type: websocket.Text, Data: []byte("hello")},
			{Type: websocket.Text, Data: []byte{}},
			{Type: websocket.Text, Data: []byte(strings.Repeat("你好 🚀", 100_000))},
			{Type: websocket.Binary, Data: bytes.Repeat([]byte{0, 0xff}, 1<<20)},
		}
		var writer sync.WaitGroup
		writer.Go(func() {
			for _, m := range sent {
				assert.NoError(t, one.Write(t.Context(), m.Type, m.Data))
			}
		})
		defer writer.Wait()
		for _, m := range sent {
			typ, data, err := other.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, m.Type, typ)
			require.True(t, bytes.Equal(m.Data, data))
		}
	})
}

func TestTheCloseOfEachEndReachesTheOther(t *testing.T) {
	type seen struct {
		code   websocket.StatusCode
		reason string
	}
	long := strings.Repeat("x", 123)
	for name, c := range map[string]struct {
		close func(one *websocket.Conn) // what one end does
		want  seen                      // at the other end
	}{
		"normal": {func(one *websocket.Conn) { one.Close(websocket.StatusNormalClosure, "that was it") },
			seen{websocket.StatusNormalClosure, "that was it"}},
		"of the application": {func(one *websocket.Conn) { one.Close(4001, "token expired") }, seen{4001, "token expired"}},
		"longest reason":     {func(one *websocket.Conn) { one.Close(3000, long) }, seen{3000, long}},
		"no code":            {func(one *websocket.Conn) { one.Close(websocket.StatusNoStatus, "") }, seen{websocket.StatusNoStatus, ""}},
		"vanished":           {func(one *websocket.Conn) { one.CloseNow() }, seen{websocket.StatusInternalError, ""}},
		"broken rule": {func(one *websocket.Conn) {
			one.NetConn().Write([]byte{0xff, 0})
			readToEnd(one) // it takes the answer and hangs up
		}, seen{websocket.StatusProtocolError, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, one, other *websocket.Conn) {
				c.close(one)
				end := readToEnd(other)
				require.Equal(t, c.want.code, end.Code)
				if c.want.code != websocket.StatusProtocolError { // which says what rule it was
					require.Equal(t, c.want.reason, end.Reason)
				}
				require.True(t, end.Remote)
				require.True(t, end.WasClean)
			})
		})
	}
}

func TestHalfAMessageIsNeverTakenForAWholeOne(t *testing.T) {
	eachWay(t, func(t *testing.T, one, other *websocket.Conn) {
		w, err := one.Writer(t.Context(), websocket.Text)
		require.NoError(t, err)
		closed := make(chan error, 1)
		go func() {
			_, err := w.Write(bytes.Repeat([]byte("x"), 3*websocket.DefaultFragmentSize))
			closed <- errors.Join(err, one.Close(4000, "no more"))
		}()
		_, data, err := other.Read(t.Context())
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end, "%d bytes", len(data))
		require.EqualValues(t, 4000, end.Code)
		require.NoError(t, <-closed)
	})
}

func TestPingsAreAnsweredByTheRelayItself(t *testing.T) {
	eachWay(t, func(t *testing.T, one, _ *websocket.Conn) { // the other end reads nothing, so it cannot answer
		one.CloseRead(t.Context())
		_, err := one.Ping(t.Context())
		require.NoError(t, err)
	})
}

func TestOneEndWaitsWhileTheOtherDoesNotRead(t *testing.T) {
	const messages, size = 1000, 1000
	for _, back := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := &websockettest.Options{Buffer: 10 * size}
			client, front := websockettest.Pair(t, o)
			behind, backend := websockettest.Pair(t, o)
			var relaying, writer sync.WaitGroup
			relaying.Go(func() { relay(front, behind) })
			one, other := client, backend
			if back {
				one, other = backend, client
			}
			sent := 0
			writer.Go(func() {
				for range messages {
					if assert.NoError(t, one.Write(t.Context(), websocket.Binary, make([]byte, size))) {
						sent++
					}
				}
			})
			synctest.Wait() // until nobody gets any further
			require.Positive(t, sent)
			require.Less(t, sent, 100, "what was sent is under way, not piled up")
			for range messages {
				_, data, err := other.Read(t.Context())
				require.NoError(t, err)
				require.Len(t, data, size)
			}
			writer.Wait()
			one.CloseNow()
			require.Equal(t, websocket.StatusInternalError, readToEnd(other).Code)
			relaying.Wait()
		})
	}
}
