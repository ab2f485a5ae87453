package netpoll

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// keeper decides whether a thread keeps the processor, in the sense of Go's scheduler, while it waits.
//
// From a thread that is blocked in a system call, the scheduler takes the processor away: after 20 µs if there is no other. It has
// to be told when the thread goes on, too. All of this takes a third of what a message costs when messages come one at a time. So
// while events come shortly after each other, the processor is kept. Other goroutines that want it meanwhile have to wait, until
// the next event and for keepTime at most.
type keeper struct {
	quick int // how many waits in a row were quick; it does not count beyond quickWaits
}

const (
	quickTime  = 500 * time.Microsecond // a wait that took no longer was quick
	quickWaits = 8                      // so many in a row, and the next one may keep the processor

	// keepTime is longer than the time between two ticks of most kernels: a timer that runs out before the next tick has to be
	// set in hardware, which costs more than is saved here.
	keepTime = 4 * time.Millisecond
)

// keeps reports whether to keep the processor for a wait that takes no longer than timeout, unless that is negative.
func (k *keeper) keeps(timeout time.Duration) bool {
	return k.quick >= quickWaits && (timeout < 0 || timeout >= keepTime)
}

// wait waits for events, for keepTime at most, and keeps the processor.
func (k *keeper) wait(epoll int, buf []syscall.EpollEvent) (int, error) {
	runtime.Gosched() // whoever can run, runs before
	start := time.Now()
	n, err := waitKeeping(epoll, buf, keepTime)
	if err != syscall.EINTR { // by the scheduler, which wants something
		k.waited(start, n)
	}
	return n, err
}

// waited records a wait that began at start and has brought n events.
func (k *keeper) waited(start time.Time, n int) {
	if n > 0 && time.Since(start) <= quickTime {
		k.quick = min(k.quick+1, quickWaits)
	} else {
		k.quick = 0
	}
}

// waitKeeping is epoll_pwait(2) of which the scheduler is not told. It must not take long.
func waitKeeping(epoll int, buf []syscall.EpollEvent, timeout time.Duration) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&buf[0])),
		uintptr(len(buf)), uintptr(milliseconds(timeout)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
