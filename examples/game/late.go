package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// lateness tells how late ticks were sent, each time that a period has passed.
type lateness struct {
	out    io.Writer
	period time.Duration
	began  time.Time
	ticks  []time.Duration
}

// add takes one tick in.
func (l *lateness) add(late time.Duration) {
	now := time.Now()
	if l.began.IsZero() {
		l.began = now
	}
	if l.ticks = append(l.ticks, late); now.Sub(l.began) < l.period {
		return
	}
	slices.Sort(l.ticks)
	n := len(l.ticks)
	fmt.Fprintf(l.out, "%d ticks: half were late by no more than %.3f ms, 99 of 100 by %.3f ms, all by %.3f ms\n",
		n, milliseconds(l.ticks[n/2]), milliseconds(l.ticks[n*99/100]), milliseconds(l.ticks[n-1]))
	l.began, l.ticks = now, l.ticks[:0]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
