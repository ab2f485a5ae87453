package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// listeners is more connections than one goroutine writes to.
const listeners = 200

func TestAPreparedMessageGoesToManyConnections(t *testing.T) {
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var conns []*conn.Conn
				var peers []*wstest.Peer
				for range listeners {
					c, peer := newConn(t, role, nil)
					defer c.CloseNow()
					conns, peers = append(conns, c), append(peers, peer)
				}
				first, second := conn.Prepare(conn.Text, []byte("first")), conn.Prepare(conn.Text, []byte("second"))
				for i, c := range conns {
					if i%2 == 0 {
						require.NoError(t, c.Send(conn.Text, []byte("before")))
					}
					require.NoError(t, c.SendPrepared(first))
					if i%3 == 0 {
						require.NoError(t, c.Send(conn.Text, fmt.Appendf(nil, "for %d", i)))
					}
					require.NoError(t, c.SendPrepared(second))
				}
				for i, peer := range peers {
					if i%2 == 0 {
						peer.Expect(text("before"))
					}
					peer.Expect(text("first"))
					if i%3 == 0 {
						peer.Expect(text(fmt.Sprint("for ", i)))
					}
					peer.Expect(text("second"))
				}
				require.Equal(t, "first", string(first.Message().Data), "nobody has written to it")
				require.Equal(t, "second", string(second.Message().Data))
			})
		})
	}
}

func TestABroadcastWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := conn.Prepare(conn.Text, []byte("published"))
		var stalled, others []*conn.Conn
		var peers []*wstest.Peer
		for range listeners {
			near, far := wstest.Pipe(0)
			s := conn.Server(wstest.Stall(near, 3), nil, nil) // stops in the middle
			defer s.CloseNow()
			defer far.Close()
			c, peer := newConn(t, frame.Server, nil)
			defer c.CloseNow()
			stalled, others, peers = append(stalled, s), append(others, c), append(peers, peer)
		}
		for i := range others {
			require.NoError(t, stalled[i].SendPrepared(p))
			require.NoError(t, others[i].SendPrepared(p))
		}
		for _, peer := range peers {
			peer.Expect(text("published"))
		}
		for _, c := range stalled {
			require.Positive(t, c.BufferedAmount())
		}
	})
}

// TestABroadcastOverSockets has several goroutines publish while connections end: everyone who stays gets everything, whole
// and in order. CloseNow returns, so no goroutine is left.
func TestABroadcastOverSockets(t *testing.T) {
	const messages, publishers = 30, 3
	var servers []*conn.Conn
	var clients []net.Conn
	for range 80 {
		client, server := tcpPair(t)
		defer client.Close()
		servers, clients = append(servers, conn.Server(server, nil, nil)), append(clients, client)
	}
	var all sync.WaitGroup
	for n := range publishers {
		all.Go(func() {
			for i := range messages {
				p := conn.Prepare(conn.Text, fmt.Appendf(nil, "%d:%02d", n, i))
				for j, c := range servers {
					switch err := c.SendPrepared(p); {
					case j%4 == 3 && i == messages/2:
						c.CloseNow()
					case err != nil:
						requireTyped(t, err)
					}
				}
			}
		})
	}
	for j, client := range clients {
		if j%4 == 3 {
			continue
		}
		received := make([]byte, publishers*messages*6)
		_, err := io.ReadFull(client, received)
		require.NoError(t, err)
		for n := range publishers {
			var got, want [][]byte
			for m := range bytes.SplitSeq(received, []byte{0x81, 4}) {
				if bytes.HasPrefix(m, fmt.Appendf(nil, "%d:", n)) {
					got = append(got, m)
				}
			}
			for i := range messages {
				want = append(want, fmt.Appendf(nil, "%d:%02d", n, i))
			}
			require.Equal(t, want, got)
		}
	}
	all.Wait()
	for _, c := range servers {
		c.Flush(context.Background())
		c.CloseNow()
	}
}

func TestWhatABroadcastEndsMayCloseItsOtherConnections(t *testing.T) {
	broken, server := tcpPair(t)
	require.NoError(t, broken.(*net.TCPConn).SetLinger(0))
	require.NoError(t, broken.Close())
	_, err := server.Read(make([]byte, 1)) // the reset has come, so the next write fails
	require.Error(t, err)
	first := conn.Server(server, nil, &conn.Config{CloseTimeout: 10 * time.Millisecond}) // nobody reads what it may have got
	defer first.CloseNow()
	client, server := tcpPair(t)
	defer client.Close()
	second := conn.Server(server, nil, nil)

	first.OnEnd(func() { second.CloseNow() })
	p := conn.Prepare(conn.Text, []byte("published"))
	require.NoError(t, first.SendPrepared(p))
	second.SendPrepared(p)
	<-second.Done()
	require.Error(t, first.Err())
}
