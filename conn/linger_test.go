package conn_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

var failFast = &setup{Config: conn.Config{FailFast: time.Second}}

// breakARule has the peer break a rule, and returns once the call that reads has.
func breakARule(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
	ended := reading(c)
	start := time.Now()
	peer.Send(wstest.Whole(7, ""))
	peer.Expect(closing(conn.StatusProtocolError, "reserved opcode"))
	err := <-ended
	require.Zero(t, time.Since(start))
	requireEnded(t, c, err, conn.CloseError{Code: conn.StatusProtocolError, Reason: "reserved opcode"}, unwrapped(c))
}

func TestWithFailFastABrokenRuleIsToldBeforeThePeerHasClosed(t *testing.T) {
	inBothRoles(t, failFast, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		breakARule(t, c, peer)
		peer.ExpectEOF()
		for range 100 { // read and thrown away, so that no reset overtakes the close frame
			peer.SendRaw(make([]byte, 10_000))
		}
		hangUp(peer)
		synctest.Wait() // and nobody waits any more: the bubble would not end
	})
}

func TestWithFailFastAPeerThatDoesNotCloseIsCutOff(t *testing.T) {
	for name, end := range map[string]func(c *conn.Conn){
		"after CloseTimeout": func(*conn.Conn) { <-time.After(conn.DefaultCloseTimeout) },
		"by CloseNow":        func(c *conn.Conn) { c.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			inBothRoles(t, failFast, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				breakARule(t, c, peer)
				peer.SendRaw(make([]byte, 1000)) // as yet it is taken
				end(c)
				synctest.Wait()
				_, err := peer.Conn().Write(make([]byte, 1000))
				require.Error(t, err)
			})
		})
	}
}

func TestWithFailFastAServerLetsGoWhereTCPHasNoHalves(t *testing.T) {
	hide := func(end *wstest.End) net.Conn { return oneWay{end} }
	inBothRolesOver(t, failFast, 0, hide, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		breakARule(t, c, peer)
		if !isServer(peer) { // a client waits for the server, in the background
			peer.SendRaw(make([]byte, 10_000))
			hangUp(peer)
		}
	})
}

// TestWithFailFastAPeerThatDoesNotReadIsSoonCutOff: it closes, or breaks a rule, and takes neither the message that is on its way nor
// what it is told.
func TestWithFailFastAPeerThatDoesNotReadIsSoonCutOff(t *testing.T) {
	for name, tc := range map[string]struct {
		sends wstest.Frame
		want  conn.CloseError
		cause error
	}{
		"closes":        {wstest.CloseFrame(4001, "bye"), conn.CloseError{Code: 4001, Reason: "bye", Remote: true}, conn.ErrCloseTimeout},
		"breaks a rule": {wstest.Whole(7, ""), conn.CloseError{Code: conn.StatusProtocolError, Reason: "reserved opcode"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, behind := range []int{0, 1} { // messages that wait for the one on its way: the answer comes behind them
				inBothRolesOver(t, failFast, 100, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					blocked := inBackground(func() error { return c.Write(context.Background(), conn.Binary, pattern(100_000)) })
					ended := reading(c)
					synctest.Wait()
					for range behind {
						require.NoError(t, c.Send(conn.Text, nil))
					}
					start := time.Now()
					peer.Send(tc.sends)
					err := <-ended
					require.Equal(t, time.Second, time.Since(start))
					cause := tc.cause
					if cause == nil {
						cause = unwrapped(c)
					}
					requireEnded(t, c, err, tc.want, cause)
					require.Error(t, <-blocked)
				})
			}
		})
	}
}
