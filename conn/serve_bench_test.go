package conn_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
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
		if e.left--; e.left == 0 {
			return 0, io.EOF
		}
		e.pos = 0
	}
	n := copy(p, e.burst[e.pos:])
	e.pos += n
	return n, nil
}
func (e *endless) Write(p []byte) (int, error)        { return len(p), nil }
func (e *endless) Close() error                       { return nil }
func (e *endless) SetReadDeadline(t time.Time) error  { return nil }
func (e *endless) SetWriteDeadline(t time.Time) error { return nil }
func (e *endless) SetDeadline(t time.Time) error      { return nil }

// BenchmarkServeABurst is what the library adds to each message of a burst: no network is behind it.
func BenchmarkServeABurst(b *testing.B) {
	var burst []byte
	for range 16 {
		burst = wstest.Whole(frame.Binary, string(make([]byte, 128))).Append(burst, frame.Client)
	}
	nc := &endless{burst: burst, left: b.N/16 + 1}
	c := conn.Server(nc, nil, nil)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	c.Serve(ctx, func(c *conn.Conn, m conn.Message) error { return c.Write(ctx, m.Type, m.Data) })
}
