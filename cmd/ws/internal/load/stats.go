package load

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed60239977/websocket"
)

// longest is the longest time that a histogram tells from longer ones.
const longest = time.Hour

// newHistogram returns a histogram of microseconds, exact to a thousandth.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 3)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d, time.Microsecond), longest).Microseconds()) // the value is in the range
}

// stats gathers what happens. Its methods may be called from any goroutine.
type stats struct {
	mu          sync.Mutex
	began, from time.Time

	connect, firstByte, roundTrip *hdrhistogram.Histogram
	// These count what was due in the time that is measured.
	messages, answers  int64
	bytesOut, bytesIn  int64
	unaskedFor         int64
	firstDue, lastCame time.Time
	errors             map[string]int

	second  Second // that is going on
	current *hdrhistogram.Histogram
	series  []Second
}

// Second is what happened in one second since the beginning.
type Second struct {
	At     int     `json:"at"` // seconds since the first connection was due
	Sent   int     `json:"sent"`
	Came   int     `json:"received"`
	Errors int     `json:"errors"`
	P50    float64 `json:"p50"` // round trips in milliseconds, of the answers that came in this second
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

func newStats(began, from time.Time) *stats {
	return &stats{
		began: began, from: from, errors: map[string]int{},
		connect: newHistogram(), firstByte: newHistogram(), roundTrip: newHistogram(), current: newHistogram(),
	}
}

// turn begins new seconds until the present one is there. Whoever calls it holds the lock.
func (s *stats) turn(now time.Time) {
	for at := int(now.Sub(s.began) / time.Second); s.second.At < at; {
		s.endSecond()
	}
}

func (s *stats) endSecond() {
	if s.current.TotalCount() > 0 {
		s.second.P50 = milli(s.current.ValueAtQuantile(50))
		s.second.P99 = milli(s.current.ValueAtQuantile(99))
		s.second.Max = milli(s.current.Max())
		s.current.Reset()
	}
	s.series = append(s.series, s.second)
	s.second = Second{At: s.second.At + 1}
}

// connected counts a handshake.
func (s *stats) connected(connect, firstByte time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record(s.connect, connect)
	record(s.firstByte, firstByte)
}

// sent counts a message that was due at a time.
func (s *stats) sent(due time.Time, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(time.Now())
	s.second.Sent++
	if due.Before(s.from) {
		return
	}
	s.messages++
	s.bytesOut += int64(size)
	if s.firstDue.IsZero() || due.Before(s.firstDue) {
		s.firstDue = due
	}
}

// answered counts the answer to a message that was due at a time.
func (s *stats) answered(due, now time.Time, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	s.second.Came++
	record(s.current, now.Sub(due))
	if due.Before(s.from) {
		return
	}
	s.answers++
	s.bytesIn += int64(size)
	record(s.roundTrip, now.Sub(due))
	if now.After(s.lastCame) {
		s.lastCame = now
	}
}

// unasked counts a message that answers none.
func (s *stats) unasked(now time.Time, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	s.second.Came++
	s.unaskedFor++
	s.bytesIn += int64(size)
}

// failed counts an error.
func (s *stats) failed(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(time.Now())
	s.second.Errors++
	s.errors[kind]++
}

// finish ends the last second.
func (s *stats) finish(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	s.endSecond()
}

func milli(micros int64) float64 { return float64(micros) / 1000 }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// kind says in few words what went wrong, the same for all errors that are alike.
func kind(err error) string {
	closed, isClosed := errors.AsType[*websocket.CloseError](err)
	refused, isRefused := errors.AsType[*websocket.HandshakeError](err)
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	switch {
	case isClosed && closed.Remote:
		return fmt.Sprintf("closed with %d", closed.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files (ulimit -n)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no free port on this machine"
	case errors.As(err, &dns):
		return "unknown host"
	case errors.As(err, &unknown):
		return "certificate"
	case isRefused && refused.Status != 0:
		return fmt.Sprintf("HTTP %d", refused.Status)
	case isClosed:
		return fmt.Sprintf("ended with %d", closed.Code)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok { // without addresses: they are others each time
		return "other: " + op.Op + ": " + op.Err.Error()
	}
	return "other: " + err.Error()
}
