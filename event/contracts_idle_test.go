package event

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// stall has a peer that does not read send messages until it is not read from any more, if the driver does that; each is answered
// by a Send. The size of the answers is larger than what the pipe holds.
func stall(h *harness, cfg *conn.Config) (c *conn.Conn, peer *wstest.Peer, r *record) {
	r = newRecord()
	answer := strings.Repeat("x", 16<<10)
	c, peer = h.start(nil, cfg, r.events(func(c *conn.Conn, _ string) error { return c.Send(conn.Text, []byte(answer)) }))
	for range 5 {
		peer.Send(text("go on"))
		synctest.Wait()
	}
	require.Greater(h.t, c.BufferedAmount(), int64(protocol.MaxQueued))
	require.Len(h.t, r.all(), 6)
	return c, peer, r
}

// TestAPeerThatNeitherReadsNorSendsIsGivenUp: also by an event loop that does not read from it, since its answers wait.
func TestAPeerThatNeitherReadsNorSendsIsGivenUp(t *testing.T) {
	withDriversOver(t, 1<<10, func(t *testing.T, h *harness) {
		_, _, r := stall(h, &conn.Config{IdleTimeout: time.Minute})
		start := time.Now()
		require.ErrorIs(t, <-r.closed, conn.ErrPeerTimeout)
		require.InDelta(t, 60, time.Since(start).Seconds(), 0.1)
	})
}

// TestAPeerThatSendsButDoesNotReadIsKept until it sends no more.
func TestAPeerThatSendsButDoesNotReadIsKept(t *testing.T) {
	withDriversOver(t, 1<<10, func(t *testing.T, h *harness) {
		_, peer, r := stall(h, &conn.Config{IdleTimeout: time.Minute})
		for range 20 {
			<-time.After(50 * time.Second)
			require.Empty(t, r.closed)
			peer.Send(wstest.Whole(frame.Pong, "here"))
		}
		synctest.Wait()
		start := time.Now()
		require.ErrorIs(t, <-r.closed, conn.ErrPeerTimeout)
		require.InDelta(t, 60, time.Since(start).Seconds(), 0.1)
	})
}

// TestAPeerThatReadsSlowlyIsKept by an event loop: what it takes shows that it is there, while nobody knows what it has sent.
func TestAPeerThatReadsSlowlyIsKept(t *testing.T) {
	withDriversOver(t, 1<<10, func(t *testing.T, h *harness) {
		if !h.driver.event {
			return // it reads, and finds that nothing comes
		}
		c, peer, r := stall(h, &conn.Config{IdleTimeout: time.Minute})
		start := time.Now()
		for range 64 { // of more than 100
			<-time.After(50 * time.Second)
			require.Empty(t, r.closed)
			_, err := io.ReadFull(peer.Conn(), make([]byte, 1<<10))
			require.NoError(t, err)
			synctest.Wait()
		}
		require.Greater(t, time.Since(start), 50*time.Minute)
		require.Equal(t, conn.StateOpen, c.State())
		require.ErrorIs(t, <-r.closed, conn.ErrPeerTimeout)
	})
}
