package conn_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// batchOf returns messages of n bytes each and what is in them.
func batchOf(count, n int) (batch []*conn.Prepared, texts []string) {
	for i := range count {
		texts = append(texts, fmt.Sprintf("%-*d", n, i))
		batch = append(batch, conn.Prepare(conn.Text, []byte(texts[i])))
	}
	return batch, texts
}

func TestABatchIsOneWrite(t *testing.T) {
	var nc *wstest.FaultyConn
	count := func(end *wstest.End) net.Conn { nc = wstest.Faulty(end); return nc }
	withDriversOver(t, nil, 0, count, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		batch, texts := batchOf(100, 500)
		_, err := c.WriteBatch(t.Context(), batch)
		require.NoError(t, err)
		for _, s := range texts {
			peer.Expect(text(s))
		}
		require.Equal(t, 1, nc.Calls(wstest.OpWrite))
		_, err = c.WriteBatch(t.Context(), nil)
		require.NoError(t, err)
		_, err = c.WriteBatch(t.Context(), batch[:1])
		require.NoError(t, err)
		peer.Expect(text(texts[0]))
		require.Equal(t, 2, nc.Calls(wstest.OpWrite))
		require.Zero(t, c.BufferedAmount())
	})
}

func TestABatchMayBeOfAnyLength(t *testing.T) {
	for _, size := range []int{0, 1, 100, 5_000, 20_000, 70_000} {
		withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			batch, texts := batchOf(20, size)
			require.NoError(t, c.Send(conn.Text, []byte("first")))
			result := inBackground(func() error { _, err := c.WriteBatch(t.Context(), batch); return err })
			peer.Expect(text("first"))
			for _, s := range texts {
				peer.Expect(text(s))
			}
			require.NoError(t, <-result)
		})
	}
}

func TestABatchIsCompressedMessageByMessage(t *testing.T) {
	for name, params := range agreements {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := deflatePair(params)
				defer client.CloseNow()
				defer server.CloseNow()
				batch, texts := batchOf(50, 2000) // beyond what takes a stack of its own
				for _, ends := range [][2]*conn.Conn{{client, server}, {server, client}} {
					result := inBackground(func() error { _, err := ends[0].WriteBatch(t.Context(), batch); return err })
					for _, want := range texts {
						_, data, err := ends[1].Read(t.Context())
						require.NoError(t, err)
						require.Equal(t, want, string(data))
					}
					require.NoError(t, <-result)
				}
			})
		})
	}
}

func TestABatchWaitsForTheMessageOfAWriter(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = fmt.Fprint(w, "long")
		require.NoError(t, err)
		batch, texts := batchOf(3, 10)
		result := inBackground(func() error { _, err := c.WriteBatch(t.Context(), batch); return err })
		synctest.Wait()
		require.Empty(t, result)
		require.NoError(t, w.Close())
		peer.Expect(text("long"))
		for _, s := range texts {
			peer.Expect(text(s))
		}
		require.NoError(t, <-result)
	})
}

func TestABatchIsNotSentOnceItsContextHasEnded(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		batch, _ := batchOf(3, 10)
		_, err := c.WriteBatch(over, batch)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("only this")))
		peer.Expect(text("only this"))
	})
}

func TestABatchSaysWhetherItHadToWait(t *testing.T) {
	inBothRolesStalled(t, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		batch, _ := batchOf(3, 10)
		waits := make(chan bool, 1)
		go func() {
			waited, _ := c.WriteBatch(t.Context(), batch)
			waits <- waited
		}()
		synctest.Wait()
		require.Empty(t, waits)
		c.CloseNow()
		require.True(t, <-waits)
	})
}

func TestABatchThatTheSystemTakesHasNotWaited(t *testing.T) {
	near, far := tcpPair(t)
	server := conn.Server(near, nil, nil)
	defer server.CloseNow()
	defer far.Close()
	batch, _ := batchOf(3, 10)
	waited, err := server.WriteBatch(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, portable, waited)
}
