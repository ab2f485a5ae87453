package load

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echoing is a server that answers a handshake, and then bytes by themselves, unless it is silent.
func echoing(t *testing.T, silent bool) (addr string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				if _, err := c.Read(buf); err != nil { // the request comes in one piece
					return
				}
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "+accept+"\r\n\r\n")
				if silent {
					io.Copy(io.Discard, c)
				} else {
					io.Copy(c, c)
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestAPacedRunSendsItsScheduleAndGetsAllOfIt(t *testing.T) {
	f, err := Open(Plan{Addr: echoing(t, false), Conns: 3, Depth: 1, Messages: [][]byte{Binary(100)}, Raw: true})
	require.NoError(t, err)
	defer f.Close()
	var sent int64
	for range 2 {
		r, err := f.RunPaced(1000, 100*time.Millisecond)
		require.NoError(t, err)
		require.InDelta(t, 100, r.Messages, 40)
		require.True(t, sent == 0 || sent == r.Messages, "the schedule is always the same")
		sent = r.Messages
		require.GreaterOrEqual(t, r.Latency.Quantile(0.99), r.Latency.Quantile(0.5))
		require.Positive(t, r.Latency.Quantile(0.5))
		require.GreaterOrEqual(t, r.Elapsed, r.Latency.Quantile(0.5))
	}
}

func TestAServerThatDoesNotKeepUpIsOverloaded(t *testing.T) {
	f, err := Open(Plan{Addr: echoing(t, true), Conns: 1, Depth: 1, Messages: [][]byte{Binary(10)}, Raw: true})
	require.NoError(t, err)
	defer f.Close()
	_, err = f.RunPaced(1e6, time.Minute) // no more than it takes to send a thousand
	require.ErrorIs(t, err, ErrOverloaded)
}
