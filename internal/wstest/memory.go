package wstest

import (
	"runtime"
	"time"
)

// Patience is how long something may take that must not wait for ever, on a machine that has much else to do.
const Patience = time.Minute

// Allocated returns how many bytes all goroutines together take from the heap while f runs.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// StackInUse returns how many bytes of stack the process has after a collection, which shrinks what can be shrunk.
func StackInUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}
