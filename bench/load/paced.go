package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// maxBehind is how many messages may wait on one connection for their answers before a server counts as overloaded.
const maxBehind = 1000

// ErrOverloaded is returned by [Fleet.RunPaced] if the server falls ever further behind the schedule.
var ErrOverloaded = errors.New("load: the server cannot keep up with the schedule")

// pace is a schedule: messages at random moments, as clients that know nothing of each other send them (a Poisson process), on
// random connections. It is the same for everybody.
type pace struct {
	rand  *rand.Rand
	gap   float64 // mean, in ns
	next  time.Duration
	end   time.Duration
	began time.Time
}

func newPace(rate float64, d time.Duration) *pace {
	return &pace{rand: rand.New(rand.NewPCG(1, 2)), gap: float64(time.Second) / rate, end: d, began: time.Now()}
}

// due reports whether it is time for the next message, and when it was.
func (p *pace) due() (at time.Duration, ok bool) {
	if at = p.next; at >= p.end || time.Since(p.began) < at {
		return at, false
	}
	p.next += time.Duration(p.rand.ExpFloat64() * p.gap)
	return at, true
}

func (p *pace) over() bool { return p.next >= p.end }

// RunPaced sends rate messages a second for d, in an open loop: on a schedule, whether the ones before were answered or not. The
// latency of each counts from when it was to be sent, also if that was late. It is for plans with a depth of 1 and neither TLS
// nor broadcasts. The thread never sleeps.
func (f *Fleet) RunPaced(rate float64, d time.Duration) (Result, error) {
	f.result = Result{Latency: &Histogram{}}
	p, waiting := newPace(rate, d), 0
	for _, s := range f.sessions {
		s.due = s.due[:0]
	}
	events := make([]unix.EpollEvent, 256)
	for heard := time.Now(); waiting > 0 || !p.over(); {
		for range 16 { // then it is time to look at what has come
			at, ok := p.due()
			if !ok {
				break
			}
			if err := f.sendDue(p.rand.IntN(len(f.sessions)), at); err != nil {
				return f.result, err
			}
			waiting++
		}
		n, err := uninterrupted(func() (int, error) { return unix.EpollWait(f.poll, events, 0) })
		if err != nil {
			return f.result, err
		}
		for _, ev := range events[:n] {
			got, err := f.answered(int(ev.Fd), p.began)
			if err != nil {
				return f.result, err
			}
			waiting -= got
			heard = time.Now()
		}
		if waiting > 0 && time.Since(heard) > patience {
			return f.result, fmt.Errorf("%w: %d messages are missing", errSilent, waiting)
		}
	}
	f.result.Elapsed = time.Since(p.began)
	return f.result, nil
}

// sendDue sends a message that was to be sent at a time.
func (f *Fleet) sendDue(i int, at time.Duration) error {
	s := f.sessions[i]
	if len(s.due) == maxBehind {
		return ErrOverloaded
	}
	s.due = append(s.due, at)
	b := s.burst(1)
	if s.unsent != nil {
		s.unsent = append(s.unsent[:len(s.unsent):len(s.unsent)], b...)
		return nil
	}
	return f.send(i, b)
}

// answered notes what has come on a connection.
func (f *Fleet) answered(i int, began time.Time) (messages int, err error) {
	s := f.sessions[i]
	p, err := f.receive(i)
	if err != nil || p == nil {
		return 0, err
	}
	messages, payload, err := s.counter.feed(p)
	if err != nil {
		return 0, err
	}
	if messages > len(s.due) {
		return 0, fmt.Errorf("load: the server sent %d messages too many", messages-len(s.due))
	}
	now := time.Since(began)
	for _, at := range s.due[:messages] {
		f.result.Latency.Add(now-at, 1)
	}
	s.due = append(s.due[:0], s.due[messages:]...)
	f.result.Messages += int64(messages)
	f.result.Payload += payload
	return messages, nil
}
