package presence

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEntriesAreRenewedUntilTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var renewed, left [][]string
		k := Keeper[string]{
			Every: time.Second,
			Renew: func(e []string) { renewed = append(renewed, e) },
			Leave: func(_ context.Context, e []string) { left = append(left, e) },
		}
		k.Init()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var work sync.WaitGroup
		for range 2 { // one goroutine
			require.True(t, k.Start(ctx, &work))
		}
		require.True(t, k.Add("a"))
		require.True(t, k.Add("b"))
		<-time.After(time.Second + time.Millisecond)
		synctest.Wait()
		require.Len(t, renewed, 1)
		require.ElementsMatch(t, []string{"a", "b"}, renewed[0])
		k.Remove("a")
		k.Remove("a")
		k.Remove("stranger")
		synctest.Wait()
		require.Equal(t, [][]string{{"a"}}, left)
		<-time.After(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"b"}, renewed[1])

		require.False(t, k.IsShut())
		rest, ok := k.Shut()
		require.True(t, ok)
		require.Equal(t, []string{"b"}, rest)
		rest, ok = k.Shut()
		require.False(t, ok)
		require.Empty(t, rest)
		require.True(t, k.IsShut())
		require.False(t, k.Add("c"))
		require.False(t, k.Start(ctx, &work))
		k.Remove("b")
		cancel()
		work.Wait()
		require.Len(t, left, 1)
	})
}
