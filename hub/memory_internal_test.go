package hub

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Between the two locks that it takes, somebody else may need the log that nobody needed, or have forgotten it.
func TestALogIsForgottenOnlyIfStillNobodyNeedsIt(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*Memory, *log)
		kept      bool
	}{
		"nothing happens":           {func(*Memory, *log) {}, false},
		"somebody follows it":       {func(_ *Memory, l *log) { l.followers = []*following{{}} }, true},
		"there is another one":      {func(b *Memory, l *log) { l.gone, b.logs["x"] = true, &log{} }, true},
		"somebody enters the topic": {func(_ *Memory, l *log) { l.present = map[string]*entrant{"a": {}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewMemory(nil)
			l, err := b.lock("x", always)
			require.NoError(t, err)
			b.mu.Lock()
			done := make(chan struct{})
			go func() { defer close(done); b.release("x", l) }()
			l.mu.Lock() // which it has unlocked
			c.meanwhile(b, l)
			l.mu.Unlock()
			b.mu.Unlock()
			<-done
			_, kept := b.logs["x"]
			require.Equal(t, c.kept, kept)
		})
	}
}

// Whoever has found a log just before it was forgotten must look again.
func TestALogThatIsForgottenSaysSo(t *testing.T) {
	for name, forget := range map[string]func(*Memory, *log){
		"by a sweep": func(b *Memory, l *log) {
			l.mu.Unlock()
			b.mu.Lock()
			b.tidyLocked(time.Now())
			b.mu.Unlock()
		},
		"as nobody needs it": func(b *Memory, l *log) { b.release("x", l) },
	} {
		t.Run(name, func(t *testing.T) {
			b := NewMemory(nil)
			l, err := b.lock("x", always)
			require.NoError(t, err)
			forget(b, l)
			require.True(t, l.gone)
			again, err := b.lock("x", always)
			require.NoError(t, err)
			require.NotSame(t, l, again)
		})
	}
}

// Between looking for a log and making one, somebody else may have made it, or have closed the broker.
func TestALogIsMadeOnce(t *testing.T) {
	b := NewMemory(nil)
	l := b.create("x", Retention{})
	require.Same(t, l, b.create("x", Retention{}))
	require.NoError(t, b.Close())
	require.Nil(t, b.create("x", Retention{}))
}

func TestASweepIsForWhenThereAreMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemory(Keep(Retention{Messages: 1, Age: time.Minute}))
		for n := range minSweep {
			require.NoError(t, b.Publish(t.Context(), &Message{Topic: strconv.Itoa(n)}))
			require.Len(t, b.logs, n+1, "few are not worth it")
			<-time.After(time.Minute)
		}
		require.NoError(t, b.Publish(t.Context(), &Message{Topic: "one more"}))
		require.Len(t, b.logs, 1)
	})
}

func TestATopicThatNobodyKeepsOrFollowsTakesNoMemory(t *testing.T) {
	b := NewMemory(nil)
	require.NoError(t, b.Publish(t.Context(), &Message{Topic: "x"}))
	require.Empty(t, b.logs)
}

// What is beyond the bounds takes no memory until somebody asks for the history.
func TestPublishingDropsWhatIsBeyondTheBounds(t *testing.T) {
	b := NewMemory(Keep(Retention{Messages: 3, Bytes: 100}))
	for range 5 {
		require.NoError(t, b.Publish(t.Context(), &Message{Topic: "x", Data: make([]byte, 40)}))
	}
	require.Len(t, b.logs["x"].kept, 2)
	require.Equal(t, 80, b.logs["x"].bytes)
}
