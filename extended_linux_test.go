//go:build !race

package websocket

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// inUse is the memory of the heap and of stacks after a collection.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what was in a sync.Pool is gone
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// A stream that waits takes 12 KiB, its share of the connection included. Half of that is net/http's for a request, most of it a
// buffer of 4 KiB, which takes no memory of the system before something is sent. 4 KiB are the stack of the request's goroutine,
// which serve is called on, and there is no other one.
func TestAStreamThatWaitsTakesLittle(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // each processor keeps stacks of its own for goroutines to come
	const conns, streams, limit = 10, 100, 14 << 10
	opened, over := make(chan struct{}, conns*streams), make(chan struct{})
	n := newNetwork(t, Handler(func(ctx context.Context, c *Conn) {
		opened <- struct{}{}
		c.Read(ctx)
		<-over
	}, nil), nil)
	defer close(over)
	before := inUse()
	for range conns {
		raw := n.raw(t)
		for range streams {
			raw.connect()
		}
	}
	for range conns * streams {
		<-opened
	}
	each := (inUse() - before) / (conns * streams)
	t.Logf("%d bytes", each)
	require.LessOrEqual(t, each, limit)
}
