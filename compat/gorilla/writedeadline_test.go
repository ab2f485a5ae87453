package websocket

import (
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

func TestTheDeadlineOfAWriterIsTheOneThatIsSetByThen(t *testing.T) {
	for name, set := range map[string]func(c connection) (io.WriteCloser, error){
		"none before": func(c connection) (io.WriteCloser, error) { return c.NextWriter(BinaryMessage) },
		"one before": func(c connection) (io.WriteCloser, error) {
			c.SetWriteDeadline(time.Now().Add(time.Hour))
			return c.NextWriter(BinaryMessage)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
				w, err := set(near)
				require.NoError(t, err)
				near.SetWriteDeadline(past)
				for err == nil { // until the network takes no more
					_, err = w.Write(make([]byte, 1<<20))
				}
				requireTimeout(t, err)
			})
		})
	}
}

func TestAWriteDeadlineThatHasPassedAndIsMovedCostsAWriterNothing(t *testing.T) {
	for name, moved := range map[string]time.Time{"away": {}, "on": time.Now().Add(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
				near.SetWriteDeadline(past)
				w, err := near.NextWriter(TextMessage)
				require.NoError(t, err)
				near.SetWriteDeadline(moved)
				_, err = io.WriteString(w, "a")
				require.NoError(t, err)
				near.SetWriteDeadline(past)
				near.SetWriteDeadline(moved)
				_, err = io.WriteString(w, "b")
				require.NoError(t, err)
				require.NoError(t, w.Close())
				_, p, err := far.ReadMessage()
				require.NoError(t, err)
				require.Equal(t, "ab", string(p))
			})
		})
	}
}

func TestADeadlineOfTheNetworkIsTakenBack(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.UnderlyingConn().SetDeadline(past))
		require.NoError(t, near.WriteMessage(TextMessage, []byte("a")))
		require.NoError(t, near.UnderlyingConn().SetDeadline(past))
		require.NoError(t, near.WriteControl(PingMessage, nil, time.Time{}))
		require.NoError(t, near.UnderlyingConn().SetDeadline(past))
		w, err := near.NextWriter(TextMessage)
		require.NoError(t, err)
		require.NoError(t, near.UnderlyingConn().SetDeadline(past))
		_, err = w.Write(make([]byte, 100_000))
		require.NoError(t, err)
		require.NoError(t, near.UnderlyingConn().SetDeadline(past))
		require.NoError(t, w.Close())
		for _, size := range []int{1, 100_000} {
			_, p, err := far.ReadMessage()
			require.NoError(t, err)
			require.Len(t, p, size)
		}
		require.NoError(t, near.SetReadDeadline(time.Now().Add(patience)))
		require.NoError(t, far.WriteMessage(TextMessage, []byte("b")))
		_, p, err := near.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "b", string(p))
	})
}

func TestADeadlineOfTheDialersIsOverAfterTheHandshake(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		var near *dated
		pair(t, lib, upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
			nc, err := net.Dial(network, addr)
			near = &dated{Conn: nc, at: time.Now().Add(patience)}
			return near, err
		}})
		require.Zero(t, near.at)
	})
}

func TestACloseMessageThatTheNetworkRefusesIsTold(t *testing.T) {
	for name, send := range map[string]func(c connection) error{
		"WriteControl": func(c connection) error {
			return c.WriteControl(CloseMessage, FormatCloseMessage(1000, ""), time.Time{})
		},
		"WriteMessage": func(c connection) error { return c.WriteMessage(CloseMessage, FormatCloseMessage(1000, "")) },
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				var why error
				client, _ := pair(t, lib, upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
					nc, err := net.Dial(network, addr)
					return failing{nc, &why}, err
				}})
				why = syscall.ECONNRESET
				require.Equal(t, why, send(client))
				require.Equal(t, why, client.WriteMessage(TextMessage, nil))
			})
		})
	}
}

func TestAfterABrokenRuleWritingIsNoErrorOfReading(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		_, err := far.NetConn().Write([]byte{0x91, 1, 'x'}) // a reserved bit
		require.NoError(t, err)
		require.NoError(t, far.NetConn().(*net.TCPConn).SetLinger(0))
		require.NoError(t, far.NetConn().(*net.TCPConn).Close())
		_, _, err = near.ReadMessage()
		require.Error(t, err)
		if err = near.WriteMessage(TextMessage, nil); err != nil {
			require.NotContains(t, err.Error(), "reserved")
			require.NotContains(t, err.Error(), "RFC")
		}
	})
}

// sendPrepared sends a control message that was prepared.
func sendPrepared(t *testing.T, c connection, messageType int, data string) error {
	if c, ok := c.(*Conn); ok {
		pm, err := NewPreparedMessage(messageType, []byte(data))
		require.NoError(t, err)
		return c.WritePreparedMessage(pm)
	}
	pm, err := gorilla.NewPreparedMessage(messageType, []byte(data))
	require.NoError(t, err)
	return c.(*gorilla.Conn).WritePreparedMessage(pm)
}

func TestAControlMessageThatWasPreparedLeavesAWriterOpen(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		pinged := make(chan string, 1)
		far.SetPingHandler(func(data string) error {
			pinged <- data
			return nil
		})
		w, err := near.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = io.WriteString(w, "a")
		require.NoError(t, err)
		require.NoError(t, sendPrepared(t, near, PingMessage, "p"))
		_, err = io.WriteString(w, "b")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, p, err := far.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "ab", string(p))
		require.Equal(t, "p", <-pinged)
		require.NoError(t, near.WriteControl(CloseMessage, FormatCloseMessage(1000, ""), time.Time{}))
		require.Equal(t, lib.closeSent, sendPrepared(t, near, PingMessage, ""))
	})
}

func TestWhatAHandlerSendsBeforeCloseArrives(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		near.SetPingHandler(func(string) error {
			err := near.WriteControl(CloseMessage, FormatCloseMessage(4000, "enough"), time.Now().Add(patience))
			near.Close()
			return err
		})
		result := reading(near)
		require.NoError(t, far.WriteControl(PingMessage, nil, time.Time{}))
		_, _, err := far.ReadMessage()
		code, text, ok := lib.closed(err)
		require.True(t, ok, err)
		require.Equal(t, 4000, code)
		require.Equal(t, "enough", text)
		require.Error(t, <-result)
	})
}

func TestAWriterWhoseDeadlineHasPassedSendsNothing(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := near.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = io.WriteString(w, "half a")
		require.NoError(t, err)
		near.SetWriteDeadline(past)
		requireTimeout(t, w.Close())
		near.SetWriteDeadline(time.Time{})
		requireTimeout(t, near.WriteMessage(TextMessage, nil))
		near.Close()
		_, p, err := far.ReadMessage()
		require.Error(t, err)
		require.Empty(t, p)
	})
}

// TestTheDeadlineHoldsWhileAnotherMessageIsWritten begins a message beside one that the peer does not take. gorilla/websocket panics.
func TestTheDeadlineHoldsWhileAnotherMessageIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := overPipe()
		blocked := make(chan error, 1)
		go func() { blocked <- c.WriteMessage(BinaryMessage, make([]byte, 1<<20)) }()
		synctest.Wait()
		start := time.Now()
		c.SetWriteDeadline(start.Add(time.Second))
		_, err := c.NextWriter(TextMessage)
		require.Equal(t, time.Second, time.Since(start))
		requireTimeout(t, err)
		peer.Close()
		require.Error(t, <-blocked)
		c.Close()
	})
}
