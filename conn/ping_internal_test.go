package conn

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestATickAtTheEndIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		c := Server(near, nil, &Config{PingInterval: time.Minute})
		c.CloseNow()
		c.tick() // it had begun before
		require.False(t, c.beatTimer().Stop(), "no tick is due any more")
	})
}
