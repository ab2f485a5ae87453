package netpoll

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheProcessorIsKeptWhileEventsComeShortlyAfterEachOther(t *testing.T) {
	later := time.Now().Add(time.Hour) // however slow this machine is
	long := time.Now().Add(-quickTime)
	var k keeper
	quick := func(n int) {
		for range n {
			require.False(t, k.keeps(-1))
			k.waited(later, 1)
		}
	}
	quick(quickWaits)
	require.True(t, k.keeps(-1))
	require.True(t, k.keeps(keepTime))
	require.False(t, k.keeps(keepTime-1), "something else is to be done sooner")
	k.waited(later, 1)
	require.True(t, k.keeps(-1))

	k.waited(later, 0)
	require.False(t, k.keeps(-1), "nothing came")
	quick(quickWaits)
	k.waited(long, 1)
	require.False(t, k.keeps(-1), "it came late")
	quick(quickWaits)
	require.True(t, k.keeps(-1))
}

func TestAWaitThatKeepsTheProcessorIsLikeAnyOther(t *testing.T) {
	f, far := pair(t)
	p := open(t)
	require.NoError(t, p.Add(f, 7))
	p.keeper.quick = quickWaits
	far.Write([]byte("a"))
	require.Equal(t, []Event{{7, Readable}}, next(t, p))

	p.keeper.quick = quickWaits
	go p.Wake()
	require.Empty(t, next(t, p))

	p.keeper.quick = quickWaits
	n, err := p.Wait(make([]Event, 8), keepTime)
	require.NoError(t, err)
	require.Zero(t, n)
}

// The scheduler has to stop all goroutines to collect garbage.
func TestAWaitThatKeepsTheProcessorDoesNotStopTheScheduler(t *testing.T) {
	p := open(t)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for range 20 {
			runtime.GC()
		}
	}()
	for {
		select {
		case <-collected:
			return
		default:
		}
		p.keeper.quick = quickWaits
		n, err := p.Wait(make([]Event, 8), keepTime)
		require.NoError(t, err)
		require.Zero(t, n)
	}
}
