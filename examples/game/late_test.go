package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHowLateTicksAreIsToldOnceInAPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		a := newArena(seeded(1))
		ticks := 0
		l := lateness{out: &out, period: 10 * time.Second}
		a.late = func(late time.Duration) {
			require.Zero(t, late, "in fake time")
			ticks++
			l.add(time.Duration(ticks) * time.Millisecond)
		}
		play(t, a, 25*time.Second)
		require.Equal(t, "302 ticks: half were late by no more than 152.000 ms, 99 of 100 by 299.000 ms, all by 302.000 ms\n"+
			"301 ticks: half were late by no more than 453.000 ms, 99 of 100 by 600.000 ms, all by 603.000 ms\n", out.String(), "a tick is a little shorter than a thirtieth of a second")
	})
}
