package websocket

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
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

func TestAPeerThatHangsUpIs1006(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, far.NetConn().(*net.TCPConn).CloseWrite())
		_, _, err := near.ReadMessage()
		code, text, ok := lib.closed(err)
		require.True(t, ok, err)
		require.Equal(t, CloseAbnormalClosure, code)
		require.Equal(t, "unexpected EOF", text)
		require.EqualError(t, err, "websocket: close 1006 (abnormal closure): unexpected EOF")
	})
}

func TestTLSThatIsCutOffIsAnUnexpectedEOF(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				raw := c.UnderlyingConn().(*tls.Conn).NetConn()
				raw.Write([]byte{23, 3, 3, 0, 50}) // a record that does not come
				raw.Close()
			}
		}))
		defer s.Close()
		dial := func(network, addr string) (net.Conn, error) {
			return net.Dial(network, strings.TrimPrefix(s.URL, "https://"))
		}
		c, err := dialInsecure(t, lib, dial)
		require.NoError(t, err)
		defer c.Close()
		require.IsType(t, &tls.Conn{}, c.UnderlyingConn())
		_, _, err = c.ReadMessage()
		require.Equal(t, io.ErrUnexpectedEOF, err)
	})
}

func TestALongMessageFailsReadingAndThePeerIsTold(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetReadLimit(10)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 10)))
		_, _, err := near.ReadMessage()
		require.NoError(t, err)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 11)))
		told := reading(far)
		_, _, err = near.ReadMessage()
		require.Equal(t, lib.readLimit, err)
		require.EqualError(t, <-told, "websocket: close 1009 (message too big)")
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

func TestAfterAMessageThatIsTooLongNothingIsSent(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetReadLimit(10)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 11)))
		_, _, err := near.ReadMessage() // the peer neither reads nor closes
		require.Equal(t, lib.readLimit, err)
		require.Equal(t, lib.closeSent, near.WriteMessage(TextMessage, nil))
		require.Equal(t, lib.closeSent, near.WriteControl(PingMessage, nil, time.Now().Add(patience)))
		_, _, err = near.ReadMessage()
		require.Equal(t, lib.readLimit, err)
		_, _, err = far.ReadMessage()
		code, _, _ := lib.closed(err)
		require.Equal(t, CloseMessageTooBig, code)
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

func TestAResetHasTheFormThatPackageNetGivesIt(t *testing.T) {
	inBothRoles(t, func(t *testing.T, _ library, near, far connection) {
		require.NoError(t, far.NetConn().(*net.TCPConn).SetLinger(0))
		require.NoError(t, far.NetConn().Close())
		_, _, err := near.ReadMessage()
		var failed *net.OpError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "read", failed.Op)
		require.Equal(t, near.RemoteAddr(), failed.Addr)
		require.Equal(t, near.LocalAddr(), failed.Source)
		require.IsType(t, &os.SyscallError{}, failed.Err)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		err = near.WriteMessage(TextMessage, nil)
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "write", failed.Op)
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

// TestAfterACorruptMessageNothingCanBeSent: the peer was told. gorilla goes on with the next message, whose window is a guess.
func TestAfterACorruptMessageNothingCanBeSent(t *testing.T) {
	client, server := pair(t, libraries["ours"], upgrading{EnableCompression: true}, dialing{EnableCompression: true})
	_, err := client.NetConn().Write([]byte("\xc1\x81\x00\x00\x00\x00\xff"))
	require.NoError(t, err)
	_, _, err = server.ReadMessage()
	require.ErrorContains(t, err, "corrupt")
	require.Equal(t, ErrCloseSent, server.WriteMessage(TextMessage, nil))
}
