package observe_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/observe"
)

// endless is a net.Conn on which the same bytes arrive again and again, and which takes all that is written.
type endless struct {
	net.Conn
	burst []byte
	left  int
	pos   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.pos == len(e.burst) {
		if e.left--; e.left <= 0 {
			return 0, io.EOF
		}
		e.pos = 0
	}
	n := copy(p, e.burst[e.pos:])
	e.pos += n
	return n, nil
}

// bursts is a network on which n messages and a few more arrive, 16 at a time.
func bursts(n int) *endless {
	var burst []byte
	for range 16 {
		burst = wstest.Whole(frame.Binary, string(make([]byte, 128))).Append(burst, frame.Client)
	}
	return &endless{burst: burst, left: n/16 + 1}
}

func (e *endless) Write(p []byte) (int, error)       { return len(p), nil }
func (e *endless) Close() error                      { return nil }
func (e *endless) RemoteAddr() net.Addr              { return nil }
func (e *endless) SetReadDeadline(t time.Time) error { return nil }
func (e *endless) SetDeadline(t time.Time) error     { return nil }

// BenchmarkEcho is what it takes to receive and to send a message of 128 bytes, in bursts of 16 that are answered together, with
// and without the counters. No network is behind it. It counts two messages an iteration.
func BenchmarkEcho(b *testing.B) {
	for _, by := range observers() {
		b.Run(by.name, func(b *testing.B) {
			c := conn.Server(bursts(b.N), nil, &conn.Config{Observer: by.observer})
			defer c.CloseNow()
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			c.Serve(ctx, func(c *conn.Conn, m conn.Message) error { return c.Write(ctx, m.Type, m.Data) })
		})
	}
}

// BenchmarkReceive is what it takes to receive a message of 128 bytes that has arrived, with and without the counters.
func BenchmarkReceive(b *testing.B) {
	for _, by := range observers() {
		b.Run(by.name, func(b *testing.B) {
			c := conn.Server(bursts(b.N), nil, &conn.Config{Observer: by.observer})
			defer c.CloseNow()
			b.ReportAllocs()
			b.ResetTimer()
			for _, err := range c.Messages(context.Background()) {
				if err != nil {
					break
				}
			}
		})
	}
}

// BenchmarkWrite is what it takes to write one to a net.Conn that is no socket, such as TLS, where it is timed how long each write
// takes. Untimed is without Slow, for which the clock is read before and after; BenchmarkClock is what that alone costs.
func BenchmarkWrite(b *testing.B) {
	message := make([]byte, 128)
	for _, by := range observers() {
		b.Run(by.name, func(b *testing.B) {
			c := conn.Server(&endless{}, nil, &conn.Config{Observer: by.observer})
			defer c.CloseNow()
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Write(context.Background(), conn.Binary, message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkClock is what it takes to read the clock twice, in the way that is cheapest.
func BenchmarkClock(b *testing.B) {
	began := time.Now()
	var took time.Duration
	for b.Loop() {
		start := time.Since(began)
		took += time.Since(began) - start
	}
	b.ReportMetric(float64(took)/float64(b.N), "ns-between")
}

// BenchmarkCounters is what the counters alone take for a message, while all processors count for connections of their own.
func BenchmarkCounters(b *testing.B) {
	var counters observe.Counters
	o := counters.Observer()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		c := new(conn.Conn)
		for p.Next() {
			o.Received(c, conn.MessageSize{Type: conn.Text, Bytes: 128, Packed: 128})
		}
	})
}

type named struct {
	name     string
	observer *conn.Observer
}

func observers() []named {
	untimed := *new(observe.Counters).Observer()
	untimed.Slow = nil
	return []named{{"without", nil}, {"with", new(observe.Counters).Observer()}, {"untimed", &untimed}}
}
