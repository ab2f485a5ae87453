package conn_test

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// deaf is a net.Conn whose writes return only when they are released, closed or not.
type deaf struct {
	net.Conn
	release chan struct{}
}

func (d deaf) Write([]byte) (int, error) {
	<-d.release
	return 0, net.ErrClosed
}

func TestCloseNowWaitsForAWriteThatClosingDoesNotEnd(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			defer far.Close()
			nc := deaf{near, make(chan struct{})}
			c := open(nc, role, nil)
			require.NoError(t, c.Send(conn.Text, []byte("stuck")))
			synctest.Wait()
			closed := make(chan error, 1)
			go func() { closed <- c.CloseNow() }()
			synctest.Wait()
			require.Empty(t, closed, "a goroutine is left")
			close(nc.release)
			require.NoError(t, <-closed)
		})
	}
}
