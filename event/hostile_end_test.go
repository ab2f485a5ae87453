package event

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// What peers do that go away in the middle, or do not go away when they should.

// cuts are what a peer has sent of a message when it closes its side.
func cuts() map[string]func(p *wstest.Peer) []byte {
	long := text(strings.Repeat("x", 300))
	packed := (&deflate.Params{}).Compressor(true, nil).Append(nil, []byte(strings.Repeat("again and ", 50)))
	compressed := wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: packed}
	return map[string]func(p *wstest.Peer) []byte{
		"the first byte":               func(p *wstest.Peer) []byte { return p.Encode(long)[:1] },
		"a part of the header":         func(p *wstest.Peer) []byte { return p.Encode(long)[:3] },
		"the header":                   func(p *wstest.Peer) []byte { return p.Encode(long)[:len(p.Encode(long))-300] },
		"all but one byte":             func(p *wstest.Peer) []byte { return p.Encode(long)[:len(p.Encode(long))-1] },
		"the first of two fragments":   frames(wstest.Part(frame.Text, false, "half")),
		"a fragment and a ping":        frames(wstest.Part(frame.Text, false, "half"), wstest.Whole(frame.Ping, "p")),
		"a part of a close frame":      func(p *wstest.Peer) []byte { return p.Encode(wstest.CloseFrame(1000, "bye"))[:4] },
		"a part of a compressed frame": func(p *wstest.Peer) []byte { return p.Encode(compressed)[:len(packed)] },
	}
}

// TestAMessageThatTheEndCutsIsNotDelivered, but what came whole before it is, and the end is told once.
func TestAMessageThatTheEndCutsIsNotDelivered(t *testing.T) {
	for name, cut := range cuts() {
		for _, drips := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, byte by byte %v", name, drips), func(t *testing.T) {
				withDrivers(t, func(t *testing.T, h *harness) {
					r := newRecord()
					start := time.Now()
					c, peer := h.start(&conn.Negotiated{Deflate: &deflate.Params{}}, nil, r.events(nil))
					all := append(peer.Encode(text("whole")), cut(peer)...)
					for len(all) > 0 {
						n := len(all)
						if drips {
							n = 1
						}
						peer.SendRaw(all[:n])
						all = all[n:]
						synctest.Wait()
					}
					peer.Conn().(interface{ CloseWrite() error }).CloseWrite()
					require.Equal(t, []string{"open", "whole", "close"}, r.all())
					err := <-r.closed
					require.Equal(t, conn.StatusAbnormalClosure, conn.CloseStatus(err))
					require.ErrorIs(t, err, protocol.ErrPeerVanished)
					require.Same(t, c.Err(), err)
					require.Zero(t, time.Since(start), "nothing waited for a time limit")
					io.Copy(io.Discard, peer.Conn()) // a pong perhaps, and the end: TCP is closed
				})
			})
		}
	}
}

// TestAPeerThatClosesAndSaysNoMoreIsCut: it sends its close frame, and neither reads the answer nor closes TCP.
func TestAPeerThatClosesAndSaysNoMoreIsCut(t *testing.T) {
	for name, unread := range map[string]int{"with room for the answer": 0, "behind what it does not read": 1000} {
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, 64, func(t *testing.T, h *harness) {
				r := newRecord()
				c, peer := h.start(nil, &conn.Config{CloseTimeout: 3 * time.Second}, r.events(nil))
				start := time.Now()
				if unread > 0 {
					require.NoError(t, c.Send(conn.Text, make([]byte, unread)))
				}
				peer.Send(wstest.CloseFrame(conn.StatusNormalClosure, "bye"))
				require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(<-r.closed))
				require.LessOrEqual(t, time.Since(start), 3*time.Second)
				<-time.After(time.Until(start.Add(3*time.Second + time.Millisecond))) // a client waits for its server to close TCP
				synctest.Wait()
				_, err := peer.Conn().Write([]byte("late"))
				require.Error(t, err, "TCP is closed")
				require.Equal(t, []string{"open", "close"}, r.all())
			})
		})
	}
}

// TestAFloodBehindACloseFrameIsNotRead for longer than it takes to close.
func TestAFloodBehindACloseFrameIsNotRead(t *testing.T) {
	withDriversOver(t, 4096, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, &conn.Config{CloseTimeout: 3 * time.Second}, r.events(nil))
		start := time.Now()
		gone := make(chan time.Duration, 1)
		flood := peer.Encode(wstest.CloseFrame(conn.StatusNormalClosure, ""), text(strings.Repeat("x", 1000)))
		go func() {
			for {
				if _, err := peer.Conn().Write(flood); err != nil {
					gone <- time.Since(start)
					return
				}
				<-time.After(time.Millisecond)
			}
		}()
		require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(<-r.closed))
		require.LessOrEqual(t, <-gone, 3*time.Second+10*time.Millisecond)
		require.Equal(t, []string{"open", "close"}, r.all())
	})
}
