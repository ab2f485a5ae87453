package interrupt

import (
	"context"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// everyDeadline is with deadlines that work, too.
func everyDeadline(t *testing.T, f func(t *testing.T, nc net.Conn, far *wstest.End)) {
	kinds := map[string]func(net.Conn) net.Conn{"work": asItIs}
	for name, wrap := range wstest.BadDeadlines {
		kinds[name] = wrap
	}
	for name, wrap := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(0)
				defer far.Close()
				nc := wrap(near)
				defer nc.Close()
				f(t, nc, far)
			})
		})
	}
}

func TestAWatchedCallEndsWithTheContext(t *testing.T) {
	everyDeadline(t, func(t *testing.T, nc net.Conn, _ *wstest.End) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stop := Watch(ctx, nc)
		require.Error(t, blocking(nc, Reading))
		require.ErrorIs(t, stop(), context.DeadlineExceeded)
		stop() // waits for nothing
		require.LessOrEqual(t, time.Since(start), time.Second+Grace)
	})
}

func TestAWatchThatIsStoppedClosesNothing(t *testing.T) {
	everyDeadline(t, func(t *testing.T, nc net.Conn, far *wstest.End) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, ctx := range []context.Context{ctx, context.Background()} {
			stop := Watch(ctx, nc)
			require.NoError(t, stop())
			require.NoError(t, stop())
		}
		<-time.After(2 * Grace)
		far.Write([]byte{1})
		require.NoError(t, blocking(nc, Reading))
	})
}

func TestALimitEndsACall(t *testing.T) {
	everyDeadline(t, func(t *testing.T, nc net.Conn, _ *wstest.End) {
		if slow, ok := nc.(interface{ BlocksDeadlines() bool }); ok && slow.BlocksDeadlines() {
			// NewLimit itself does not return until the grace is over.
			start := time.Now()
			l := NewLimit(nc, time.Now().Add(time.Second))
			require.ErrorIs(t, l.Cause(nil), os.ErrDeadlineExceeded)
			require.Equal(t, time.Second+Grace, time.Since(start))
			return
		}
		start := time.Now()
		l := NewLimit(nc, time.Now().Add(time.Hour))
		l.Move(time.Now().Add(time.Second))
		require.ErrorIs(t, l.Cause(blocking(nc, Reading)), os.ErrDeadlineExceeded)
		require.LessOrEqual(t, time.Since(start), time.Second+Grace)
		l.Stop()
	})
}

func TestALimitThatIsClearedClosesNothing(t *testing.T) {
	everyDeadline(t, func(t *testing.T, nc net.Conn, far *wstest.End) {
		if slow, ok := nc.(interface{ BlocksDeadlines() bool }); ok && slow.BlocksDeadlines() {
			return // nothing can be done with it, see above
		}
		l := NewLimit(nc, time.Now().Add(time.Second))
		require.NoError(t, l.Clear())
		require.NoError(t, l.Cause(nil))
		<-time.After(2 * Grace)
		far.Write([]byte{1})
		require.NoError(t, blocking(nc, Reading))
	})
}

func TestALimitThatHasPassedCannotBeCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := wstest.Pipe(0)
		l := NewLimit(wstest.BadDeadlines["fail"](near), time.Now().Add(time.Second))
		<-time.After(time.Second)
		synctest.Wait()
		require.ErrorIs(t, l.Clear(), os.ErrDeadlineExceeded)
	})
}

func TestNoLimitClosesNothing(t *testing.T) {
	for _, wrap := range []func(net.Conn) net.Conn{asItIs, wstest.BadDeadlines["fail"], wstest.BadDeadlines["do nothing"]} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			l := NewLimit(wrap(near), time.Time{})
			<-time.After(time.Hour)
			_, err := far.Write([]byte{1})
			require.NoError(t, err)
			require.NoError(t, l.Clear())
		})
	}
}
