package conn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

func TestConnectionsWithTheSameSettingsShareThem(t *testing.T) {
	params := deflate.Params{ServerNoContextTakeover: true}
	observer := &Observer{}
	type made struct {
		cfg Config
		n   Negotiated
	}
	all := []made{
		{},
		{cfg: Config{SendQueue: 1}},
		{cfg: Config{FragmentSize: 1}},
		{cfg: Config{CloseTimeout: time.Second}},
		{cfg: Config{Observer: observer}},
		{n: Negotiated{Subprotocol: "chat"}},
		{n: Negotiated{Deflate: &params}},
	}
	for i, a := range all {
		for j, b := range all { // one after the other, in any order
			first, second, again := a.cfg.settings(&a.n), b.cfg.settings(&b.n), a.cfg.settings(&a.n)
			require.Equal(t, i == j, first == second)
			require.True(t, first == again)
			require.Equal(t, a.n.Subprotocol, first.Value().subprotocol)
			require.Same(t, a.cfg.Observer, first.Value().observer)
		}
	}
	with := Config{Observer: observer}
	with.settings(&Negotiated{})
	require.Nil(t, latest.Load().observer, "a program's observer would stay in memory")
}
