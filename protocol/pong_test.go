package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/protocol"
)

func TestPingsThatPileUpAreAnsweredByTheNewest(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		for round := range 3 { // it does not go on for ever
			for i := range 100 {
				s.Answer([]byte{byte(round), byte(i)})
			}
			fs := frames(t, role, write(s, 50))
			require.Len(t, fs, protocol.MaxPongs+1)
			for i, f := range fs[:protocol.MaxPongs] {
				require.Equal(t, []byte{byte(round), byte(i)}, f.Payload)
			}
			require.Equal(t, []byte{byte(round), 99}, fs[protocol.MaxPongs].Payload)
		}
		require.NoError(t, s.Message(protocol.Binary, make([]byte, protocol.MaxQueued)))
		require.True(t, s.Full())
		s.Answer([]byte("first"))
		s.Answer([]byte("last"))
		fs := frames(t, role, write(s, 1<<20))
		require.Len(t, fs, 2)
		require.Equal(t, "last", string(fs[1].Payload))
	})
}
