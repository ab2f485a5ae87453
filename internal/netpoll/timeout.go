package netpoll

import (
	"math"
	"time"
)

// milliseconds rounds a timeout up, so that what waits for it does not come too early.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(min((d+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}
