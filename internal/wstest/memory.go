package wstest

import (
	"net"
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

// Roomy has what a TCP connection is to carry at once fit, up to 64 KiB, whatever the system's buffers are: who has to wait for room
// needs more of the stack.
func Roomy(nc net.Conn) {
	nc.(*net.TCPConn).SetReadBuffer(64 << 10)
	nc.(*net.TCPConn).SetWriteBuffer(64 << 10)
}
