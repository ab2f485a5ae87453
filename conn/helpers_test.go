package conn_test

import (
	"testing"
	"testing/synctest"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

var roles = []frame.Role{frame.Server, frame.Client}

func other(r frame.Role) frame.Role { return 1 - r }

// newConn returns a connection that plays role, and its peer.
func newConn(t testing.TB, role frame.Role, cfg *conn.Config) (*conn.Conn, *wstest.Peer) {
	near, far := wstest.Pipe(0)
	return open(near, role, cfg), wstest.NewPeer(t, far, other(role))
}

func open(end *wstest.End, role frame.Role, cfg *conn.Config) *conn.Conn {
	if role == frame.Client {
		return conn.Client(end, cfg)
	}
	return conn.Server(end, cfg)
}

// inBothRoles runs test in fake time, once with a server and once with a client under test.
func inBothRoles(t *testing.T, cfg *conn.Config, test func(t *testing.T, c *conn.Conn, peer *wstest.Peer)) {
	t.Helper()
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := newConn(t, role, cfg)
				defer c.CloseNow()
				test(t, c, peer)
			})
		})
	}
}

// text and friends keep the tables short.
func text(s string) wstest.Frame   { return wstest.Whole(frame.Text, s) }
func binary(s string) wstest.Frame { return wstest.Whole(frame.Binary, s) }
func ping(s string) wstest.Frame   { return wstest.Whole(frame.Ping, s) }
func pong(s string) wstest.Frame   { return wstest.Whole(frame.Pong, s) }
