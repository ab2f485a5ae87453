package websocket

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMessagesOfBothTypesArriveAsTheyWere(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		for _, n := range []int{0, 1, 125, 126, 4096, 70000} {
			for _, typ := range []int{TextMessage, BinaryMessage} {
				sent := make(chan error, 1)
				message := strings.Repeat("x", n)
				go func() { sent <- near.WriteMessage(typ, []byte(message)) }()
				got, p, err := far.ReadMessage()
				require.NoError(t, err)
				require.NoError(t, <-sent)
				require.Equal(t, typ, got)
				require.Equal(t, message, string(p))
				require.NotNil(t, p)
			}
		}
	})
}

func TestAReaderEndsWhereTheNextMessageIsAskedFor(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteMessage(TextMessage, []byte("first")))
		require.NoError(t, near.WriteMessage(BinaryMessage, []byte("second")))
		typ, first, err := far.NextReader()
		require.NoError(t, err)
		require.Equal(t, TextMessage, typ)
		two := make([]byte, 2)
		_, err = io.ReadFull(first, two)
		require.NoError(t, err)
		require.Equal(t, "fi", string(two))
		typ, second, err := far.NextReader()
		require.NoError(t, err)
		require.Equal(t, BinaryMessage, typ)
		_, err = first.Read(two)
		require.Equal(t, io.EOF, err)
		all, err := io.ReadAll(second)
		require.NoError(t, err)
		require.Equal(t, "second", string(all))
		_, err = second.Read(two)
		require.Equal(t, io.EOF, err)
	})
}

func TestAWriterIsClosedByTheNextMessage(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := near.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = io.WriteString(w, "first")
		require.NoError(t, err)
		require.NoError(t, near.WriteMessage(TextMessage, []byte("second")))
		_, err = w.Write([]byte("late"))
		require.EqualError(t, err, "websocket: write closed")
		require.EqualError(t, w.Close(), "websocket: write closed")
		for _, want := range []string{"first", "second"} {
			_, p, err := far.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, want, string(p))
		}
	})
}

// TestAnotherGoroutineMayEndTheMessageOfAWriter: gorilla/websocket panics, or sends what nobody can read.
func TestAnotherGoroutineMayEndTheMessageOfAWriter(t *testing.T) {
	near, far := pair(t, libraries["ours"], upgrading{}, dialing{})
	writers := make(chan error, 2)
	for _, text := range []string{"a", "b"} {
		go func() {
			for range 50 {
				w, err := near.NextWriter(TextMessage)
				if err != nil {
					writers <- err
					return
				}
				for range 10 {
					w.Write([]byte(strings.Repeat(text, 1000))) // fails if the message was ended
				}
				w.Close()
			}
			writers <- nil
		}()
	}
	go func() {
		for range 2 {
			if err := <-writers; err != nil {
				far.Close() // ends the test
				return
			}
		}
		near.WriteMessage(BinaryMessage, nil)
	}()
	for {
		typ, p, err := far.ReadMessage()
		require.NoError(t, err)
		if typ == BinaryMessage {
			return
		}
		require.Empty(t, strings.Trim(string(p), string(p[:min(1, len(p))])), "of one goroutine")
	}
}

func TestAReadDeadlineThatHasPassedFailsAllReads(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, _, first := near.ReadMessage()
		ne, ok := first.(net.Error)
		require.True(t, ok)
		require.True(t, ne.Timeout())
		require.Contains(t, first.Error(), "i/o timeout")
		near.SetReadDeadline(time.Time{})
		require.NoError(t, far.WriteMessage(TextMessage, nil))
		_, _, err := near.ReadMessage()
		require.Equal(t, first, err)
		_, _, err = near.NextReader()
		require.Equal(t, first, err)
		require.Panics(t, func() {
			for range 2000 {
				near.NextReader()
			}
		})
	})
}

func TestADeadlineThatPassesBetweenReadsAndIsMovedCostsNothing(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		for range 3 {
			near.SetReadDeadline(time.Now().Add(-time.Second))
			near.SetReadDeadline(time.Now().Add(patience))
			require.NoError(t, far.WriteMessage(TextMessage, []byte("x")))
			_, _, err := near.ReadMessage()
			require.NoError(t, err)
		}
	})
}

func TestAWriteDeadlineThatHasPassedFailsAllWrites(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetWriteDeadline(time.Now().Add(-time.Second))
		first := near.WriteMessage(TextMessage, make([]byte, 100))
		ne, ok := first.(net.Error)
		require.True(t, ok)
		require.True(t, ne.Timeout())
		near.SetWriteDeadline(time.Time{})
		require.Equal(t, first, near.WriteMessage(TextMessage, nil))
		_, err := near.NextWriter(TextMessage)
		require.Equal(t, first, err)
		require.Equal(t, first, near.WriteControl(PingMessage, nil, time.Time{}))
	})
}

func TestTextNeedNotBeUTF8(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, far.WriteMessage(TextMessage, []byte{0xff}))
		_, p, err := near.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, []byte{0xff}, p)
	})
}

func TestACloseEndsAReadThatWaits(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result := reading(near)
		require.NoError(t, near.Close())
		err := <-result
		require.ErrorIs(t, err, net.ErrClosed)
		require.Contains(t, err.Error(), "use of closed network connection")
		require.Error(t, near.WriteMessage(TextMessage, nil))
		require.Error(t, near.Close())
	})
}

func TestJSONGoesThrough(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteJSON(map[string]int{"a": 1}))
		var got map[string]int
		require.NoError(t, far.ReadJSON(&got))
		require.Equal(t, map[string]int{"a": 1}, got)
		require.NoError(t, near.WriteMessage(TextMessage, nil))
		require.Equal(t, io.ErrUnexpectedEOF, far.ReadJSON(&got))
		require.NoError(t, near.WriteMessage(TextMessage, []byte("{")))
		require.Error(t, far.ReadJSON(&got))
		var unsupported *json.UnsupportedTypeError
		require.ErrorAs(t, near.WriteJSON(make(chan int)), &unsupported)
	})
}

func TestCompressedMessagesArriveAsTheyWere(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		client, server := pair(t, lib, upgrading{EnableCompression: true}, dialing{EnableCompression: true})
		message := strings.Repeat("compress me ", 200)
		for level := -2; level <= 9; level++ {
			for _, c := range []connection{client, server} {
				require.NoError(t, c.SetCompressionLevel(level))
				c.EnableWriteCompression(level%2 == 0)
				require.NoError(t, c.WriteMessage(TextMessage, []byte(message)))
			}
			for _, c := range []connection{client, server} {
				_, p, err := c.ReadMessage()
				require.NoError(t, err)
				require.Equal(t, message, string(p))
			}
		}
		require.EqualError(t, client.SetCompressionLevel(10), "websocket: invalid compression level")
	})
}

func TestReadersAndWritersHaveTheMethodsThatProgramsAskFor(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := near.NextWriter(TextMessage)
		require.NoError(t, err)
		require.Implements(t, (*io.StringWriter)(nil), w)
		_, err = io.WriteString(w, "hello")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, r, err := far.NextReader()
		require.NoError(t, err)
		require.NoError(t, r.(io.Closer).Close())
		p, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "hello", string(p), "closing it does nothing")
	})
}
