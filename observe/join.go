package observe

import (
	"cmp"
	"slices"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Join returns an observer that calls all of these, in this order. It does not change them, and they must not be changed
// afterwards. Those that are nil are left out: with only one left, Join returns that, and with none it returns nil.
func Join(observers ...*conn.Observer) *conn.Observer {
	all := slices.DeleteFunc(slices.Clone(observers), func(o *conn.Observer) bool { return o == nil })
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	joined := &conn.Observer{
		Dialing:   joinOne(all, func(o *conn.Observer) func(*conn.Handshake) { return o.Dialing }),
		Handshake: joinOne(all, func(o *conn.Observer) func(*conn.Handshake) { return o.Handshake }),
		Opened:    joinOne(all, func(o *conn.Observer) func(*conn.Conn) { return o.Opened }),
		Received:  joinTwo(all, func(o *conn.Observer) func(*conn.Conn, conn.MessageSize) { return o.Received }),
		Sent:      joinTwo(all, func(o *conn.Observer) func(*conn.Conn, conn.MessageSize) { return o.Sent }),
		RoundTrip: joinTwo(all, func(o *conn.Observer) func(*conn.Conn, time.Duration) { return o.RoundTrip }),
		QueueFull: joinOne(all, func(o *conn.Observer) func(*conn.Conn) { return o.QueueFull }),
		Ended:     joinTwo(all, func(o *conn.Observer) func(*conn.Conn, *conn.CloseError) { return o.Ended }),
	}
	joinSlow(joined, all)
	return joined
}

// joinOne joins a function of all observers that has one argument.
func joinOne[A any](all []*conn.Observer, of func(*conn.Observer) func(A)) func(A) {
	var fs []func(A)
	for _, o := range all {
		if f := of(o); f != nil {
			fs = append(fs, f)
		}
	}
	switch len(fs) {
	case 0:
		return nil
	case 1:
		return fs[0]
	}
	return func(a A) {
		for _, f := range fs {
			f(a)
		}
	}
}

// joinTwo is joinOne for functions with two arguments.
func joinTwo[A, B any](all []*conn.Observer, of func(*conn.Observer) func(A, B)) func(A, B) {
	var fs []func(A, B)
	for _, o := range all {
		if f := of(o); f != nil {
			fs = append(fs, f)
		}
	}
	switch len(fs) {
	case 0:
		return nil
	case 1:
		return fs[0]
	}
	return func(a A, b B) {
		for _, f := range fs {
			f(a, b)
		}
	}
}

// joinSlow joins Slow, where each observer has its own idea of that.
func joinSlow(joined *conn.Observer, all []*conn.Observer) {
	slow := slices.DeleteFunc(slices.Clone(all), func(o *conn.Observer) bool { return o.Slow == nil })
	if len(slow) == 0 {
		return
	}
	if !slices.ContainsFunc(slow, func(o *conn.Observer) bool { return o.Clock == nil }) { // nobody wants to know it better
		joined.Clock = slow[0].Clock
	}
	joined.SlowAfter = slowAfter(slices.MinFunc(slow, func(a, b *conn.Observer) int { return cmp.Compare(slowAfter(a), slowAfter(b)) }))
	joined.Slow = func(c *conn.Conn, took time.Duration) {
		for _, o := range slow {
			if took >= slowAfter(o) {
				o.Slow(c, took)
			}
		}
	}
}

// slowAfter is SlowAfter with its default.
func slowAfter(o *conn.Observer) time.Duration {
	if o.SlowAfter == 0 {
		return conn.DefaultSlowAfter
	}
	return o.SlowAfter
}
