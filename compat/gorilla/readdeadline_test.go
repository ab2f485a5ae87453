package websocket

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// networks are a socket, and a network of the program's own, which may do anything with deadlines.
var networks = map[string]func(network, addr string) (net.Conn, error){
	"a socket": net.Dial,
	"the program's own": func(network, addr string) (net.Conn, error) {
		nc, err := net.Dial(network, addr)
		return struct{ net.Conn }{nc}, err
	},
}

func overEachNetwork(t *testing.T, test func(t *testing.T, lib library, near, far connection)) {
	for name, dial := range networks {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				near, far := pair(t, lib, upgrading{}, dialing{NetDial: dial})
				test(t, lib, near, far)
			})
		})
	}
}

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	ne, ok := err.(net.Error)
	require.True(t, ok, err)
	require.True(t, ne.Timeout(), err)
}

func TestADeadlineEndsAReadThatWaitsWhenItIsSetOrMoved(t *testing.T) {
	for _, before := range []time.Time{{}, time.Now().Add(patience)} {
		overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
			require.NoError(t, near.SetReadDeadline(before))
			result := reading(near)
			require.NoError(t, near.SetReadDeadline(time.Now().Add(time.Millisecond)))
			requireTimeout(t, <-result)
		})
	}
}

func TestAfterADeadlineHasEndedReadingMessagesMayBeSent(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
		_, _, err := near.ReadMessage()
		requireTimeout(t, err)
		require.NoError(t, near.SetReadDeadline(time.Time{}))
		_, _, again := near.ReadMessage()
		require.Equal(t, err, again)
		require.NoError(t, near.WriteMessage(TextMessage, []byte("still there")))
		_, p, err := far.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "still there", string(p))
	})
}

func TestADeadlineEndsAMessageThatHasBegun(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		w, err := far.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 5000)) // more than a frame
		require.NoError(t, err)
		_, r, err := near.NextReader()
		require.NoError(t, err)
		require.NoError(t, near.SetReadDeadline(time.Now().Add(time.Millisecond)))
		for err == nil {
			_, err = r.Read(make([]byte, 1000))
		}
		requireTimeout(t, err)
		_, _, again := near.NextReader()
		require.Equal(t, err, again)
	})
}

func TestAMessageMayBeReadOnAfterADeadlineThatPassedBetweenReads(t *testing.T) {
	overEachNetwork(t, func(t *testing.T, lib library, near, far connection) {
		w, err := far.NextWriter(TextMessage)
		require.NoError(t, err)
		_, err = io.WriteString(w, strings.Repeat("x", 5000)) // of which a part goes out
		require.NoError(t, err)
		_, r, err := near.NextReader()
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
		require.NoError(t, near.SetReadDeadline(time.Time{}))
		require.NoError(t, w.Close())
		rest, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Len(t, rest, 4990)
		require.NoError(t, far.WriteMessage(TextMessage, []byte("next")))
		require.NoError(t, near.SetReadDeadline(time.Now().Add(patience)))
		_, p, err := near.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "next", string(p))
	})
}

func TestAHandlerMayMoveADeadlineThatHasPassed(t *testing.T) {
	c := &Conn{}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c.readBy.socket = near // its deadlines work
	c.readBy.begin()
	c.readBy.set(time.Now().Add(-time.Second))
	require.Equal(t, context.DeadlineExceeded, c.readBy.Err())
	c.readBy.set(time.Time{})
	require.Error(t, c.readBy.Err(), "it is too late for the call that reads")
	require.NoError(t, c.handle(func() error {
		c.readBy.set(time.Time{})
		return nil
	}))
	require.NoError(t, c.readBy.Err())
}

// TestReadingGoesOnAfterAHandlerHasMovedADeadlineThatPassedInIt is that in a whole connection, also of a program that has asked for the
// network, whose deadlines are then taken back.
func TestReadingGoesOnAfterAHandlerHasMovedADeadlineThatPassedInIt(t *testing.T) {
	for _, handedOut := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, peer := overPipe()
			if handedOut {
				require.NotNil(t, c.NetConn())
			}
			c.SetPingHandler(func(string) error {
				<-time.After(10 * time.Second)
				return c.SetReadDeadline(time.Now().Add(time.Second))
			})
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
			go peer.Write([]byte("\x89\x80\x00\x00\x00\x00" + "\x81\x81\x00\x00\x00\x00a"))
			_, p, err := c.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, "a", string(p))
			start := time.Now()
			_, _, err = c.ReadMessage()
			requireTimeout(t, err)
			require.Equal(t, time.Second, time.Since(start))
			peer.Close()
			c.Close()
		})
	}
}

// overPipe returns a server's connection without compression, and the network's other end.
func overPipe() (*Conn, net.Conn) {
	near, far := net.Pipe()
	c := &Conn{}
	cfg := c.config(0, false)
	c.c = conn.Server(near, nil, &cfg)
	c.readBy.init(near)
	return c, far
}

// TestTwoGoroutinesMayBeginToRead: at the end of a connection, another one than the program's may be the one that calls handlers.
func TestTwoGoroutinesMayBeginToRead(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	var d readDeadline
	d.socket = near
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for range 100 {
				d.begin()
			}
		})
	}
	for range 100 {
		d.set(time.Now().Add(-time.Second))
		d.set(time.Time{})
	}
	reading.Wait()
	d.begin()
	require.NoError(t, d.Err())
}

func TestWhatIsLeftOfADeadlineDoesNotOutliveReading(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	var d readDeadline
	d.socket = near
	d.set(time.Now().Add(-time.Second))
	d.stop()
	d.set(time.Now().Add(-time.Second)) // nobody reads any more
	go far.Write([]byte("x"))
	n, err := near.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestAReadThatIsEndedByADeadlineOfTheNetworkLeavesWriting(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, near.SetReadDeadline(time.Time{}))
		ended := reading(near)
		require.NoError(t, near.UnderlyingConn().SetReadDeadline(past))
		err := <-ended
		requireTimeout(t, err)
		require.Regexp(t, "^read tcp .*: i/o timeout$", err.Error())
		require.NoError(t, near.WriteControl(CloseMessage, FormatCloseMessage(CloseGoingAway, "bye"), time.Now().Add(patience)))
		_, _, err = far.ReadMessage()
		require.True(t, lib.isClose(err, CloseGoingAway), err)
	})
}

// overAPipe runs a test against both libraries, as the server of a client that is written by hand, in fake time.
func overAPipe(t *testing.T, test func(t *testing.T, lib library, c connection, far net.Conn)) {
	withEach(t, func(t *testing.T, lib library) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
			} {
				r.Header.Set(name, value)
			}
			answered := make(chan error, 1)
			go func() {
				_, err := http.ReadResponse(bufio.NewReader(far), nil)
				answered <- err
			}()
			c, err := lib.upgrade(upgrading{}, hijacked{httptest.NewRecorder(), near}, r, nil)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, <-answered)
			test(t, lib, c, far)
		})
	})
}

func TestAPeerThatClosesAndDoesNotReadIsWaitedForASecond(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go io.WriteString(far, "\x88\x82\x00\x00\x00\x00\x03\xe8")
		start := time.Now()
		_, _, err := c.ReadMessage()
		require.True(t, lib.isClose(err, CloseNormalClosure), err)
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestADeadlineThatHasPassedIsToldAsPackageNetTellsIt(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		way := "tcp " + near.LocalAddr().String() + "->" + near.RemoteAddr().String() + ": i/o timeout"
		require.NoError(t, near.SetReadDeadline(past))
		_, _, err := near.ReadMessage()
		require.EqualError(t, err, "read "+way)
		require.NoError(t, near.SetWriteDeadline(past))
		require.EqualError(t, near.WriteMessage(TextMessage, nil), "write "+way)
	})
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		_, _, err := c.ReadMessage()
		require.EqualError(t, err, "read pipe: i/o timeout")
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
		require.EqualError(t, c.WriteMessage(TextMessage, nil), "write pipe: i/o timeout")
	})
}

// nowhere is a network without addresses.
type nowhere struct{ net.Conn }

func (nowhere) LocalAddr() net.Addr  { return nil }
func (nowhere) RemoteAddr() net.Addr { return nil }

func TestADeadlineMayPassWhereThereAreNoAddresses(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		client, _ := pair(t, lib, upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
			nc, err := net.Dial(network, addr)
			return nowhere{nc}, err
		}})
		require.NoError(t, client.SetReadDeadline(past))
		_, _, err := client.ReadMessage()
		requireTimeout(t, err)
	})
}
