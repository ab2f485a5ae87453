package hub

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// One call of Unsubscribe has looked the topic up when others unsubscribe and subscribe again, to one that is made anew.
func TestUnsubscribeFromATopicThatIsMadeAnewMeanwhile(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who unlocks goes on to run
	for range 100 {
		h := New(nil)
		near, far := wstest.Pipe(0)
		c := conn.Server(near, nil, nil)
		require.NoError(t, h.Subscribe(c, "other"))
		require.NoError(t, h.Subscribe(c, "topic"))
		old, done := h.existing("topic"), make(chan struct{})
		old.mu.Lock()
		go func() { defer close(done); h.Unsubscribe(c, "topic") }()
		runtime.Gosched() // it waits for old.mu
		old.mu.Unlock()
		h.Unsubscribe(c, "topic")
		require.NoError(t, h.Subscribe(c, "topic"))
		<-done
		require.Equal(t, h.Count("topic"), len(h.Subscription(c).Topics)-1, "both sides agree")
		h.Remove(c) // and not only when its end is heard of
		require.Zero(t, h.Count("topic"), "who was removed is in no topic")
		c.CloseNow()
		far.Close()
	}
}
