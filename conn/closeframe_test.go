package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestOnlyWhatThisSideClosedIsNetErrClosed(t *testing.T) {
	broken := wstest.Frame{Fin: true, Opcode: 3}
	cases := map[string]struct {
		end    func(c *conn.Conn, peer *wstest.Peer, nc net.Conn)
		own    bool
		status conn.StatusCode
	}{
		"CloseNow": {func(c *conn.Conn, _ *wstest.Peer, _ net.Conn) { c.CloseNow() }, true, conn.StatusAbnormalClosure},
		"Close": {func(c *conn.Conn, peer *wstest.Peer, _ net.Conn) {
			go c.Close(conn.StatusNormalClosure, "")
			peer.Receive()
			peer.Send(closing(conn.StatusNormalClosure, ""))
		}, true, conn.StatusNormalClosure},
		"Close, and the peer is silent": {func(c *conn.Conn, _ *wstest.Peer, _ net.Conn) {
			c.Close(conn.StatusNormalClosure, "")
		}, true, conn.StatusAbnormalClosure},
		"SendClose": {func(c *conn.Conn, peer *wstest.Peer, _ net.Conn) {
			c.SendClose(conn.StatusGoingAway, "")
			peer.Receive()
			peer.Send(closing(4000, "bye"))
		}, true, 4000},
		"the peer closes": {func(_ *conn.Conn, peer *wstest.Peer, _ net.Conn) {
			peer.Send(closing(conn.StatusGoingAway, ""))
		}, false, conn.StatusGoingAway},
		"the peer closes, and then this side": {func(c *conn.Conn, peer *wstest.Peer, _ net.Conn) {
			peer.Send(closing(conn.StatusGoingAway, ""))
			synctest.Wait()
			c.Close(conn.StatusNormalClosure, "")
		}, false, conn.StatusGoingAway},
		"the peer breaks a rule": {func(_ *conn.Conn, peer *wstest.Peer, _ net.Conn) { peer.Send(broken) }, false, conn.StatusProtocolError},
		"the peer hangs up":      {func(_ *conn.Conn, _ *wstest.Peer, far net.Conn) { far.Close() }, false, conn.StatusAbnormalClosure},
		"the peer is dead":       {func(*conn.Conn, *wstest.Peer, net.Conn) {}, false, conn.StatusAbnormalClosure},
	}
	for name, test := range cases {
		for _, role := range roles {
			t.Run(fmt.Sprint(name, ", ", role), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := wstest.Pipe(1 << 10)
					defer far.Close()
					c := open(near, role, &setup{Config: conn.Config{IdleTimeout: time.Minute}})
					defer c.CloseNow()
					ended := reading(c)
					test.end(c, wstest.NewPeer(t, far, other(role)), far)
					err := <-ended
					require.Equal(t, test.own, errors.Is(err, net.ErrClosed), err)
					require.Equal(t, test.own, errors.Is(c.Write(context.Background(), conn.Text, nil), net.ErrClosed))
					require.Equal(t, test.status, conn.CloseStatus(fmt.Errorf("wrapped: %w", err)))
					require.Equal(t, name == "CloseNow", errors.Is(err, conn.ErrClosedNow))
				})
			})
		}
	}
	require.Zero(t, conn.CloseStatus(nil))
	require.Zero(t, conn.CloseStatus(io.EOF))
}

func TestWhatFollowsOnesOwnCloseIsNetErrClosedAndNothingElse(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.SendClose(conn.StatusGoingAway, ""))
		err := c.Write(t.Context(), conn.Text, nil)
		require.ErrorIs(t, err, conn.ErrCloseSent)
		require.ErrorIs(t, err, net.ErrClosed)
		require.NotErrorIs(t, err, io.EOF)
		require.NotErrorIs(t, conn.ErrCloseSent, net.ErrClosed, "it does not say by whom")
	})
}

func TestSendCloseDoesNotEndReading(t *testing.T) {
	withDriversOver(t, nil, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.SendClose(conn.StatusGoingAway, "later"))
		require.Equal(t, conn.StateClosing, c.State())
		err := c.Send(conn.Text, nil)
		require.ErrorIs(t, err, conn.ErrCloseSent)
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, c.SendClose(conn.StatusGoingAway, ""), conn.ErrCloseSent)
		peer.Send(text("still"), ping("unanswered"), closing(conn.StatusGoingAway, ""))
		_, data, err := receive(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "still", string(data))
		_, _, err = receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusGoingAway, WasClean: true}, nil)
		require.Equal(t, closing(conn.StatusGoingAway, "later"), peer.Receive())
		require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
	})
}

func TestSendCloseIsBoundedByTheCloseTimeout(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{CloseTimeout: time.Second}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.SendClose(conn.StatusGoingAway, ""))
		ended := reading(c)
		peer.Receive()
		require.ErrorIs(t, <-ended, conn.ErrCloseTimeout)
	})
}

func TestAnAnswerToTheirCloseIsNotThisSidesClose(t *testing.T) {
	cfg := &setup{}
	cfg.OnClose = func(c *conn.Conn, code conn.StatusCode, reason string) (conn.StatusCode, string, error) {
		assert.Equal(t, conn.StatusCode(4001), code)
		assert.Equal(t, "token expired", reason)
		return code, "", c.SendClose(4002, "own answer")
	}
	withDriversOver(t, cfg, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(closing(4001, "token expired"))
		_, _, err := receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: 4001, Reason: "token expired", Remote: true, WasClean: true}, nil)
		require.NotErrorIs(t, err, net.ErrClosed)
		require.Equal(t, closing(4002, "own answer"), peer.Receive())
	})
}

func TestOnCloseChoosesTheAnswer(t *testing.T) {
	cfg := &setup{Config: conn.Config{OnClose: func(*conn.Conn, conn.StatusCode, string) (conn.StatusCode, string, error) {
		return conn.StatusGoingAway, "as you like", nil
	}}}
	withDriversOver(t, cfg, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(closing(4001, "token expired"))
		_, _, err := receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: 4001, Reason: "token expired", Remote: true, WasClean: true}, nil)
		require.Equal(t, closing(conn.StatusGoingAway, "as you like"), peer.Receive())
	})
}

func TestAHookMayEndTheConnection(t *testing.T) {
	refused := errors.New("not today")
	for name, test := range map[string]struct {
		cfg  setup
		send wstest.Frame
	}{
		"OnPing": {setup{Config: conn.Config{OnPing: func(*conn.Conn, []byte) (bool, error) { return true, refused }}}, ping("p")},
		"OnPong": {setup{Config: conn.Config{OnPong: func(*conn.Conn, []byte) error { return refused }}}, pong("p")},
		"OnClose": {setup{Config: conn.Config{OnClose: func(c *conn.Conn, code conn.StatusCode, r string) (conn.StatusCode, string, error) {
			return code, r, refused
		}}}, closing(1000, "")},
	} {
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, &test.cfg, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				ended := reading(c)
				peer.Send(test.send)
				require.Equal(t, closing(conn.StatusInternalError, ""), peer.Receive())
				err := <-ended
				require.ErrorIs(t, err, refused)
				require.Equal(t, conn.StatusInternalError, conn.CloseStatus(err))
			})
		})
	}
}
