package observe_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/observe"
)

// The clock of Counters goes in steps, and stands still while nobody asks: whatever came before a write, what that took is known to a
// step.
func TestCountersKnowToAStepHowLongAWriteTakes(t *testing.T) {
	const step = conn.DefaultSlowAfter / 16
	for _, idle := range []time.Duration{0, time.Millisecond, step, step + 1, time.Hour} {
		// A step ends just as well before as after what happens at the same moment.
		for _, takes := range []time.Duration{time.Millisecond, conn.DefaultSlowAfter - 2*step, conn.DefaultSlowAfter + 2*step, time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				var counters observe.Counters
				near, far := wstest.Pipe(64)
				c := conn.Server(near, nil, &conn.Config{Observer: counters.Observer()})
				defer c.CloseNow()
				buf := make([]byte, 1000)
				write := func(takes time.Duration) {
					wrote := make(chan error, 1)
					go func() { wrote <- c.Write(context.Background(), conn.Binary, buf[4:]) }()
					synctest.Wait()
					<-time.After(takes)
					_, err := io.ReadFull(far, buf)
					require.NoError(t, err)
					require.NoError(t, <-wrote)
				}
				write(0)
				<-time.After(idle)
				write(takes)
				slow := counters.Stats().SlowWrites
				if takes < conn.DefaultSlowAfter {
					require.Zero(t, slow)
					return
				}
				require.Equal(t, uint64(1), slow.Count)
				require.InDelta(t, takes, slow.Total, float64(step))
			})
		}
	}
}
