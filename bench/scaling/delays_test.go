package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDelaysKnowTheirQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h, half delays
	var all []time.Duration
	for n := range 10_000 {
		d := time.Duration(math.Exp(random.Float64() * math.Log(1e12)))
		all = append(all, d)
		if n%2 == 0 {
			h.record(d)
		} else {
			half.record(d)
		}
	}
	h.add(&half)
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 0.9999} {
		require.InEpsilon(t, float64(all[int(q*10_000)]), float64(h.quantile(q)), 0.02, q)
	}
	require.Zero(t, new(delays).quantile(0.5))
}

func TestDelaysOfAnyLengthHaveAStep(t *testing.T) {
	var h delays
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, 31, 32, 63, 64, math.MaxInt64} {
		h.record(d)
	}
	require.Equal(t, 9, h.total)
	require.Equal(t, time.Duration(31), h.quantile(4.0/9))
}
