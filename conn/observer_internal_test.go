package conn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAnObserverTakesNoMemoryForEachConnection(t *testing.T) {
	cfg := &Config{Observer: &Observer{Opened: func(*Conn) {}}}
	var conns [2]*Conn
	for i := range conns {
		near, far := wstest.Pipe(0)
		defer far.Close()
		conns[i] = Server(near, nil, cfg)
		defer conns[i].CloseNow()
	}
	require.Equal(t, conns[0].settings, conns[1].settings, "they share what they know of it")
	require.Nil(t, conns[0].cold)
}
