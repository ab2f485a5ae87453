package wstest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// leakPatience is how long what ends by itself may take to end.
const leakPatience = 5 * time.Second

// NoLeaks fails the test if it leaves something behind: a goroutine, or on Linux a socket. Call it first, in a test that
// does not run in parallel with others. In a testing/synctest bubble it is not needed: no goroutine leaves a bubble.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := goroutines()
	sockets := openSockets()
	t.Cleanup(func() {
		if left := leftBehind(before, sockets, leakPatience); left != "" {
			t.Errorf("the test leaves behind\n%s", left)
		}
	})
}

// leftBehind waits until everything that was not there before is gone and returns "", or says what is not.
func leftBehind(before map[string]string, sockets int, patience time.Duration) string {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(patience); ; <-poll.C {
		var left []string
		for id, stack := range goroutines() {
			if _, ok := before[id]; !ok {
				left = append(left, stack)
			}
		}
		if openSockets() > sockets {
			left = append(left, "a socket")
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// goroutines returns the stacks of all goroutines by their number.
func goroutines() map[string]string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		fields := strings.Fields(stack) // goroutine 7 [running]: …
		if len(fields) > 1 {
			all[fields[1]] = stack
		}
	}
	return all
}

// openSockets counts the open sockets of this process, where the system tells.
func openSockets() (n int) {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}
