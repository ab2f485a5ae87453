package load

import (
	"math/bits"
	"time"
)

// Histogram holds how long messages took, with an error of at most 1/32.
type Histogram struct {
	counts [64 * 16]int64
	total  int64
}

// Add counts n messages that took d.
func (h *Histogram) Add(d time.Duration, n int) {
	h.counts[bucket(uint64(max(d, 0)))] += int64(n)
	h.total += int64(n)
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// Quantile returns the time within which a share q of the messages came, 0 if there were none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rest := int64(q * float64(h.total))
	for i, n := range h.counts {
		if rest -= n; n > 0 && rest < 0 {
			return middle(i)
		}
	}
	return 0
}

// bucket cuts each power of two into 16.
func bucket(v uint64) int {
	if v < 16 {
		return int(v)
	}
	e := bits.Len64(v) - 5
	return e<<4 + int(v>>e)
}

// middle is the value in the middle of a bucket.
func middle(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	e := i>>4 - 1
	return time.Duration((uint64(i&15+16) << e) + (uint64(1)<<e)/2)
}
