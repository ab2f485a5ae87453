package websocket

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What a client that is written by hand sends, with a masking key of zeros.
const (
	textA     = "\x81\x81\x00\x00\x00\x00a"
	textB     = "\x81\x81\x00\x00\x00\x00b"
	ping      = "\x89\x84\x00\x00\x00\x00ping"
	pong      = "\x8a\x80\x00\x00\x00\x00"
	closing   = "\x88\x82\x00\x00\x00\x00\x03\xe8"
	forbidden = "\xf1\x80\x00\x00\x00\x00"
)

// received reads what comes until the connection is closed.
func received(far net.Conn) <-chan string {
	result := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(far)
		result <- string(all)
	}()
	return result
}

func TestWhatAHandlerHasSentReachesThePeerBeforeClose(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(c connection)
		want string
	}{
		"the default pong": {func(connection) {}, "\x8a\x04ping"},
		"a pong": {func(c connection) {
			c.SetPingHandler(func(data string) error {
				return c.WriteControl(PongMessage, []byte("own "+data), time.Now().Add(time.Second))
			})
		}, "\x8a\x08own ping"},
		"a close message": {func(c connection) {
			c.SetPingHandler(func(data string) error {
				return c.WriteControl(CloseMessage, FormatCloseMessage(4001, ""), time.Now().Add(time.Second))
			})
		}, "\x88\x02\x0f\xa1"},
	} {
		t.Run(name, func(t *testing.T) {
			overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
				tt.set(c)
				got := received(far)
				go io.WriteString(far, ping+textA)
				_, p, err := c.ReadMessage()
				require.NoError(t, err)
				require.Equal(t, "a", string(p))
				require.NoError(t, c.Close())
				require.Equal(t, tt.want, <-got)
			})
		})
	}
}

func TestCloseDoesNotWaitLongForAPeerThatReadsNothing(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go io.WriteString(far, ping+textA)
		start := time.Now()
		c.ReadMessage() // in gorilla this waits, and fails
		require.NoError(t, c.Close())
		require.LessOrEqual(t, time.Since(start), time.Second)
	})
}

func TestADeadlineThatHasPassedLeavesWhatWasReadBefore(t *testing.T) {
	for name, extended := range map[string]bool{"and is moved by a handler": true, "and stays": false} {
		t.Run(name, func(t *testing.T) {
			overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
				go io.WriteString(far, textA+pong+textB)
				require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
				c.SetPongHandler(func(string) error {
					if extended {
						c.SetReadDeadline(time.Now().Add(time.Minute))
					}
					return nil
				})
				_, p, err := c.ReadMessage()
				require.NoError(t, err)
				require.Equal(t, "a", string(p))
				<-time.After(2 * time.Second)
				_, r, err := c.NextReader()
				require.NoError(t, err)
				p, err = io.ReadAll(r)
				require.NoError(t, err)
				require.Equal(t, "b", string(p))
				start := time.Now()
				_, _, err = c.ReadMessage()
				requireTimeout(t, err)
				if extended {
					require.Equal(t, time.Minute, time.Since(start))
				} else {
					require.Zero(t, time.Since(start))
				}
			})
		})
	}
}

func TestADeadlineThatHasPassedLeavesWhatTheNetworkHas(t *testing.T) {
	for range 20 {
		overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
			go io.WriteString(far, textA)
			synctest.Wait()
			require.NoError(t, c.SetReadDeadline(past))
			_, _, err := c.ReadMessage()
			requireTimeout(t, err)
			got := make([]byte, len(textA))
			require.NoError(t, c.UnderlyingConn().SetReadDeadline(time.Time{}))
			_, err = io.ReadFull(c.UnderlyingConn(), got)
			require.NoError(t, err)
			require.Equal(t, textA, string(got))
		})
	}
}

func TestACloseMessageIsRememberedAfterClose(t *testing.T) {
	for name, tt := range map[string]struct {
		from string
		end  func(t *testing.T, c connection)
	}{
		"of WriteControl": {"", func(t *testing.T, c connection) {
			require.NoError(t, c.WriteControl(CloseMessage, FormatCloseMessage(CloseNormalClosure, ""), time.Time{}))
		}},
		"of WriteMessage": {"", func(t *testing.T, c connection) {
			require.NoError(t, c.WriteMessage(CloseMessage, FormatCloseMessage(CloseNormalClosure, "")))
		}},
		"that answers the peer's": {closing, readToTheEnd},
		"about a broken rule":     {forbidden, readToTheEnd},
	} {
		t.Run(name, func(t *testing.T) {
			overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
				received(far)
				go io.WriteString(far, tt.from)
				tt.end(t, c)
				require.NoError(t, c.Close())
				for range 2 {
					require.Equal(t, lib.closeSent, c.WriteMessage(TextMessage, nil))
				}
				_, err := c.NextWriter(TextMessage)
				require.Equal(t, lib.closeSent, err)
			})
		})
	}
}

func readToTheEnd(t *testing.T, c connection) { require.Error(t, <-reading(c)) }

func TestAWriteDeadlineThatHasPassedFailsTheReadWhoseAnswerIsLost(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		received(far)
		require.NoError(t, c.SetWriteDeadline(past))
		requireTimeout(t, c.WriteMessage(TextMessage, nil))
		go io.WriteString(far, textA+ping+textB)
		_, p, err := c.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "a", string(p))
		for range 2 {
			_, _, err = c.ReadMessage()
			requireTimeout(t, err)
		}
	})
}
