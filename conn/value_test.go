package conn_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAConnectionKeepsTheValueThatWasSetLast(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		require.Nil(t, c.Value())
		type player struct{ name string }
		p := &player{"first"}
		c.SetValue(p)
		require.Same(t, p, c.Value())
		c.SetValue("of another type")
		require.Equal(t, "of another type", c.Value())
		c.SetValue(nil)
		require.Nil(t, c.Value())
		c.SetValue(p)
		c.CloseNow()
		require.Same(t, p, c.Value(), "what Events.Close looks for")
		c.SetValue(nil)
		require.Nil(t, c.Value())
	})
}

func TestAValueMayBeSetAndLookedAtFromAnywhere(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range 100 {
					c.SetValue(i)
					assert.Contains(t, []any{0, 1, 2, 3, 4, 5, 6, 7}, c.Value())
				}
			})
		}
		all.Wait()
	})
}

func TestLookingForAValueAllocatesNothing(t *testing.T) {
	near, far := wstest.Pipe(0)
	defer far.Close()
	for _, c := range []*conn.Conn{open(near, frame.Server, nil), new(conn.DrivenMemory).Open(&looped{}, frame.Server, nil, nil).Conn()} {
		c.SetValue(c)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if c.Value() != c {
				panic("another one")
			}
		}))
		c.CloseNow()
	}
}
