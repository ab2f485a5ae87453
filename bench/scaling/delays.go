package main

import (
	"math/bits"
	"time"
)

// delays counts delays by their length, in steps of at most 3 %.
type delays struct {
	counts [(64 - exactBits) << exactBits]uint32
	total  int
}

const exactBits = 5 // a power of two has 32 steps

// record counts a delay, which is 0 if it is negative: clocks differ.
func (h *delays) record(d time.Duration) {
	h.counts[step(uint64(max(d, 0)))]++
	h.total++
}

// step returns where v is counted: below 32 by itself, and then by its first six bits.
func step(v uint64) int {
	shift := max(bits.Len64(v)-exactBits-1, 0)
	return shift<<exactBits + int(v>>shift)
}

// add counts what o has counted.
func (h *delays) add(o *delays) {
	for n, count := range o.counts {
		h.counts[n] += count
	}
	h.total += o.total
}

// quantile returns the delay that the share q was not above, or 0 if there were none.
func (h *delays) quantile(q float64) time.Duration {
	rest := int(q * float64(h.total))
	for n, count := range h.counts {
		if rest -= int(count); rest < 0 {
			return middle(n)
		}
	}
	return 0
}

// middle is the middle of a step.
func middle(n int) time.Duration {
	if n < 1<<(exactBits+1) {
		return time.Duration(n)
	}
	shift := n>>exactBits - 1
	return time.Duration(uint64(n-shift<<exactBits)<<shift + 1<<shift/2)
}
