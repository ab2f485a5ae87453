package websockettest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// TestALoopOverMessagesMakesNoGarbage for who imports package websocket alone: the loop body becomes a closure on the heap
// unless the compiler can see through that package what Messages is.
func TestALoopOverMessagesMakesNoGarbage(t *testing.T) {
	const loops = 50
	client, server := websockettest.Pair(t, nil)
	for range loops + 1 { // all of them arrive in one piece
		require.NoError(t, client.Send(websocket.Text, []byte("message")))
	}
	require.NoError(t, client.Flush(t.Context()))
	ctx, total := t.Context(), 0
	require.Zero(t, testing.AllocsPerRun(loops, func() {
		for m := range server.Messages(ctx) {
			total += len(m.Data)
			break
		}
	}))
	require.Equal(t, (loops+1)*len("message"), total)
}
