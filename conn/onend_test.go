package conn_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestWhoWaitsForTheEndIsToldOnce(t *testing.T) {
	for name, end := range map[string]func(c *conn.Conn, peer *wstest.Peer){
		"CloseNow": func(c *conn.Conn, _ *wstest.Peer) { c.CloseNow() },
		"Close": func(c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(conn.StatusNormalClosure, ""))
			peer.Conn().(*wstest.End).CloseWrite()
			c.Close(conn.StatusNormalClosure, "")
		},
		"the network": func(c *conn.Conn, peer *wstest.Peer) { peer.Conn().Close() },
		"the peer":    func(c *conn.Conn, peer *wstest.Peer) { peer.Send(text("\xff")); peer.Conn().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				called := make([]int, 3)
				for i := range called {
					c.OnEnd(func() {
						require.Error(t, c.Err())
						called[i]++
					})
				}
				go receive(t.Context(), c)
				synctest.Wait()
				require.Equal(t, []int{0, 0, 0}, called)
				end(c, peer)
				synctest.Wait()
				require.Equal(t, []int{1, 1, 1}, called)
				c.CloseNow()
				c.Close(conn.StatusNormalClosure, "")
				require.Equal(t, []int{1, 1, 1}, called)
			})
		})
	}
}

func TestWhoComesAfterTheEndIsToldAtOnce(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		c.CloseNow()
		called := 0
		stop := c.OnEnd(func() { called++ })
		require.Equal(t, 1, called)
		require.False(t, stop())
	})
}

func TestWhoStopsWaitingForTheEndIsNotTold(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		var called []string
		var stops []func() bool
		for _, name := range []string{"first", "middle", "last", "stays"} {
			stops = append(stops, c.OnEnd(func() { called = append(called, name) }))
		}
		require.True(t, stops[1]())
		require.False(t, stops[1]())
		require.True(t, stops[0]())
		require.True(t, stops[2]())
		c.CloseNow()
		require.Equal(t, []string{"stays"}, called)
		require.False(t, stops[3]())
	})
}

func TestAnObserverHearsOfTheEndBeforeWhoWaitsForIt(t *testing.T) {
	var told []string
	o := &conn.Observer{Ended: func(*conn.Conn, *conn.CloseError) { told = append(told, "observer") }}
	withDrivers(t, &setup{Config: conn.Config{Observer: o}}, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		told = nil
		c.OnEnd(func() { told = append(told, "function") })
		c.CloseNow()
		require.Equal(t, []string{"observer", "function"}, told)
	})
}
