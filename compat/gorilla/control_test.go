package websocket

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestControlMessagesGoThroughEveryCallThatWrites(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		var pings []string
		far.SetPingHandler(func(data string) error { pings = append(pings, data); return nil })
		require.NoError(t, near.WriteControl(PingMessage, []byte("a"), time.Now().Add(patience)))
		require.NoError(t, near.WriteMessage(PingMessage, []byte("b")))
		w, err := near.NextWriter(PingMessage)
		require.NoError(t, err)
		_, err = w.Write([]byte("c"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, near.WriteControl(PingMessage, []byte("d"), time.Time{}))
		require.NoError(t, near.WriteMessage(TextMessage, nil))
		_, _, err = far.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c", "d"}, pings)
		require.EqualError(t, near.WriteControl(PingMessage, make([]byte, 126), time.Time{}), "websocket: invalid control frame")
		require.EqualError(t, near.WriteControl(TextMessage, nil, time.Time{}), "websocket: bad write message type")
		require.EqualError(t, near.WriteMessage(7, nil), "websocket: bad write message type")
		require.Error(t, near.WriteControl(PingMessage, nil, time.Now().Add(-time.Second)))
		require.NoError(t, near.WriteMessage(TextMessage, nil))
	})
}

func TestAControlMessageThatIsTooLongFailsItsWriterAlone(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := near.NextWriter(PingMessage)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 126))
		require.NoError(t, err)
		for range 2 {
			require.EqualError(t, w.Close(), "websocket: invalid control frame")
		}
		_, err = w.Write(nil)
		require.EqualError(t, err, "websocket: invalid control frame")
		require.NoError(t, near.WriteMessage(TextMessage, nil))
	})
}

func TestACloseHandlerMaySendAMessage(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetCloseHandler(func(int, string) error { return near.WriteMessage(TextMessage, []byte("last")) })
		require.NoError(t, far.WriteControl(CloseMessage, FormatCloseMessage(CloseNormalClosure, ""), time.Time{}))
		_, _, err := near.ReadMessage()
		require.True(t, lib.isClose(err, CloseNormalClosure), err)
		_, p, err := far.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "last", string(p))
	})
}

func TestWhatThePeerSendsAfterACloseMessageIsRead(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteControl(CloseMessage, FormatCloseMessage(CloseNormalClosure, ""), time.Time{}))
		for _, message := range []string{"one", "two"} {
			require.NoError(t, far.WriteMessage(TextMessage, []byte(message)))
			_, p, err := near.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, message, string(p))
		}
		require.NoError(t, far.NetConn().(*net.TCPConn).CloseWrite()) // without a close message
		_, _, err := near.ReadMessage()
		require.True(t, lib.isClose(err, CloseAbnormalClosure), err)
	})
}

func TestAPingIsAnsweredAndThePongMovesTheReadDeadline(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		got := make(chan string, 1)
		near.SetPongHandler(func(data string) error {
			got <- data
			return near.SetReadDeadline(time.Now().Add(patience))
		})
		near.SetReadDeadline(time.Now().Add(patience / 2))
		result := reading(near)
		reading(far)
		require.NoError(t, near.WriteControl(PingMessage, []byte("now"), time.Now().Add(patience)))
		require.Equal(t, "now", <-got)
		require.Empty(t, result)
		require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
		var ne net.Error
		require.ErrorAs(t, <-result, &ne)
		require.True(t, ne.Timeout())
	})
}

func TestACloseMessageAndCloseAtOnceReachThePeer(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteControl(CloseMessage, FormatCloseMessage(4000, "bye"), time.Now().Add(patience)))
		require.NoError(t, near.Close())
		_, _, err := far.ReadMessage()
		code, text, ok := lib.closed(err)
		require.True(t, ok, err)
		require.Equal(t, 4000, code)
		require.Equal(t, "bye", text)
		require.EqualError(t, err, "websocket: close 4000: bye")
		require.True(t, lib.isClose(err, 4000))
		require.False(t, lib.unexpected(err, 4000))
		require.True(t, lib.unexpected(err, CloseGoingAway))
		_, _, again := far.ReadMessage()
		require.Equal(t, err, again)
	})
}

func TestNothingIsSentBehindACloseMessage(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteMessage(CloseMessage, FormatCloseMessage(CloseNormalClosure, "")))
		require.Equal(t, lib.closeSent, near.WriteMessage(TextMessage, nil))
		require.Equal(t, lib.closeSent, near.WriteControl(CloseMessage, nil, time.Time{}))
		_, err := near.NextWriter(TextMessage)
		require.Equal(t, lib.closeSent, err)
		result := reading(far)
		_, _, err = near.ReadMessage() // the answer
		require.True(t, lib.isClose(err, CloseNormalClosure), err)
		require.True(t, lib.isClose(<-result, CloseNormalClosure))
		require.Equal(t, lib.closeSent, far.WriteMessage(TextMessage, nil))
	})
}

func TestACloseFrameWithoutACodeIs1005(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.WriteControl(CloseMessage, nil, time.Time{}))
		_, _, err := far.ReadMessage()
		require.True(t, lib.isClose(err, CloseNoStatusReceived))
		require.EqualError(t, err, "websocket: close 1005 (no status)")
	})
}

func TestACloseHandlerHearsTheCodeAndMayCallTheDefaultOne(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		var heard int
		next := far.CloseHandler()
		far.SetCloseHandler(func(code int, text string) error {
			heard = code
			return next(code, text)
		})
		require.NoError(t, near.WriteControl(CloseMessage, FormatCloseMessage(CloseGoingAway, "x"), time.Time{}))
		_, _, err := far.ReadMessage()
		require.True(t, lib.isClose(err, CloseGoingAway))
		require.Equal(t, CloseGoingAway, heard)
		_, _, err = near.ReadMessage()
		require.True(t, lib.isClose(err, CloseGoingAway))
		_, text, _ := lib.closed(err)
		require.Empty(t, text)
	})
}

func TestAHandlersErrorIsTheReads(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		own := errors.New("own")
		near.SetPingHandler(func(string) error { return own })
		require.NoError(t, far.WriteControl(PingMessage, nil, time.Time{}))
		_, _, err := near.ReadMessage()
		require.Equal(t, own, err)
		_, _, err = near.NextReader()
		require.Equal(t, own, err)
	})
}

func TestAHandlersEOFIsNotTheEndOfAMessage(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetPingHandler(func(string) error { return io.EOF })
		w, err := far.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 10000)) // more than one frame
		require.NoError(t, err)
		require.NoError(t, far.WriteControl(PingMessage, nil, time.Time{}))
		_, r, err := near.NextReader()
		require.NoError(t, err)
		for range 2 {
			_, err = io.ReadAll(r)
			code, text, ok := lib.closed(err)
			require.True(t, ok, err)
			require.Equal(t, CloseAbnormalClosure, code)
			require.Equal(t, "unexpected EOF", text)
		}
		_, _, err = near.NextReader()
		require.Equal(t, io.EOF, err)
	})
}

func TestAHandlerMayCloseTheConnection(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetPongHandler(func(string) error { return near.Close() })
		require.NoError(t, far.WriteControl(PongMessage, nil, time.Time{}))
		_, _, err := near.ReadMessage()
		require.ErrorIs(t, err, net.ErrClosed)
		_, _, err = far.ReadMessage()
		require.Error(t, err)
	})
}

func TestPingsMayBeSentBesideMessages(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result := reading(far)
		reading(near)
		var all sync.WaitGroup
		failures := make(chan error, 100)
		all.Go(func() {
			for range 50 {
				failures <- near.WriteMessage(BinaryMessage, make([]byte, 10000))
			}
		})
		all.Go(func() {
			for range 50 {
				failures <- near.WriteControl(PingMessage, nil, time.Now().Add(patience))
			}
		})
		all.Wait()
		for range 100 {
			require.NoError(t, <-failures)
		}
		near.Close()
		<-result
	})
}

func TestAControlMessageThatIsLateIsATemporaryTimeout(t *testing.T) {
	inBothRoles(t, func(t *testing.T, _ library, near, far connection) {
		err := near.WriteControl(PingMessage, nil, time.Now().Add(-time.Hour))
		require.EqualError(t, err, "websocket: write timeout")
		var failed interface {
			net.Error
			Temporary() bool
		}
		require.ErrorAs(t, err, &failed)
		require.True(t, failed.Timeout())
		require.True(t, failed.Temporary())
		require.NoError(t, near.WriteMessage(TextMessage, []byte("next")))
		_, p, err := far.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "next", string(p))
	})
}
