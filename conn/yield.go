//go:build unix && !websocket_portable

package conn

// yielding decides whether to let other goroutines run before a read that would find nothing. While the process is busy,
// bytes have come by the time that it is this goroutine's turn again: that saves the attempt, the wait, and the wakening.
// While it is not busy that is of no use, and seldom tried.
type yielding struct {
	drained bool  // the last read left nothing behind
	tried   bool  // others have run since
	pause   uint8 // how many reads are to come until it is tried again
	vain    uint8 // how often in a row it was of no use
}

// maxVain bounds vain: at most 1<<maxVain reads go by between attempts.
const maxVain = 6

// worthwhile reports whether others are to run before the next read.
func (y *yielding) worthwhile() bool {
	switch {
	case !y.drained:
		return false
	case y.pause > 0:
		y.pause--
		return false
	}
	y.tried = true
	return true
}

// came takes note of a read that found something, and of whether that was all.
func (y *yielding) came(all bool) {
	y.drained = all
	if y.tried {
		y.tried, y.vain = false, 0
	}
}

// nothing takes note of a read that found nothing.
func (y *yielding) nothing() {
	if y.tried {
		y.tried, y.vain = false, min(y.vain+1, maxVain)
		y.pause = 1 << y.vain
	}
}
