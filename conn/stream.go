package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/seed60239977/websocket/internal/ctxmutex"
)

// Stream returns c as a net.Conn that carries a stream of bytes in messages of type typ. Each Write sends one message, or
// several of up to 64 KiB if it is long; Read returns the bytes of the messages that arrive, whatever their length and type.
// Both ends of the connection must treat it as a stream.
//
// Deadlines and concurrent calls work as with any net.Conn. A read or write that was cut by a deadline may be repeated; the n
// of such a write counts the bytes that the connection has accepted and will send. ctx bounds every call. When the peer closes
// with [StatusNormalClosure] or [StatusGoingAway], or without a code ([StatusNoStatus], as a browser's close() does), Read
// returns io.EOF. Close closes c with [StatusNormalClosure]; Read and Write return net.ErrClosed from then on.
//
// Stream panics if typ is neither Text nor Binary, which is a mistake in the program.
func Stream(ctx context.Context, c *Conn, typ MessageType) net.Conn {
	if !typ.Valid() {
		panic(ErrMessageType)
	}
	s := &stream{c: c, typ: typ}
	s.read.init(ctx)
	s.write.init(ctx)
	return s
}

// streamMessage is the longest message that a stream sends, in bytes.
const streamMessage = 64 << 10

type stream struct {
	c   *Conn
	typ MessageType

	read   deadlineContext
	reader io.Reader      // of the message that is being given out; guarded by turn
	turn   ctxmutex.Mutex // held by the goroutine that reads

	write   deadlineContext
	writing ctxmutex.Mutex // held by the goroutine that writes: nothing comes between the messages of one call
}

// Read implements [net.Conn].
func (s *stream) Read(p []byte) (int, error) {
	ctx := s.read.context()
	if ctx.Err() != nil {
		return 0, s.read.error()
	}
	if err := s.turn.Lock(ctx, nil); err != nil {
		return 0, s.read.error()
	}
	defer s.turn.Unlock()
	for len(p) > 0 {
		n, err := s.readMessage(ctx, p)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, endOfStream(s.read.convert(ctx, err))
		}
	}
	return 0, nil
}

// endOfStream makes io.EOF of the error with which a peer's goodbye ends the connection.
func endOfStream(err error) error {
	var closed *CloseError
	if errors.As(err, &closed) && closed.Remote && closed.WasClean &&
		(closed.Code == StatusNormalClosure || closed.Code == StatusGoingAway || closed.Code == StatusNoStatus) {
		return io.EOF
	}
	return err
}

// readMessage reads from the message that is being given out, or from the next one.
func (s *stream) readMessage(ctx context.Context, p []byte) (int, error) {
	if s.reader == nil {
		_, r, err := s.c.Reader(ctx)
		if err != nil {
			return 0, err
		}
		s.reader = r
	}
	s.reader.(*messageReader).ctx = ctx
	n, err := s.reader.Read(p)
	if err == io.EOF {
		s.reader, err = nil, nil
	}
	return n, err
}

// Write implements [net.Conn].
func (s *stream) Write(p []byte) (n int, err error) {
	ctx := s.write.context()
	if err := s.writing.Lock(ctx, s.c.Done()); err != nil {
		return 0, s.write.convert(ctx, s.c.ended(err))
	}
	defer s.writing.Unlock()
	for first := true; first || n < len(p); first = false {
		piece := p[n:min(len(p), n+streamMessage)]
		accepted, err := s.c.submit(ctx, &outgoing{typ: s.typ, fin: true, payload: piece})
		if accepted {
			n += len(piece)
		}
		if err != nil {
			return n, s.write.convert(ctx, err)
		}
	}
	return n, nil
}

// Close implements [net.Conn]. It returns nil also if the peer closed first.
func (s *stream) Close() error {
	s.read.stop()
	s.write.stop()
	return s.c.Close(StatusNormalClosure, "")
}

// LocalAddr implements [net.Conn].
func (s *stream) LocalAddr() net.Addr { return s.c.LocalAddr() }

// RemoteAddr implements [net.Conn].
func (s *stream) RemoteAddr() net.Addr { return s.c.RemoteAddr() }

// SetDeadline implements [net.Conn].
func (s *stream) SetDeadline(t time.Time) error {
	s.read.set(t)
	return s.write.set(t)
}

// SetReadDeadline implements [net.Conn].
func (s *stream) SetReadDeadline(t time.Time) error { return s.read.set(t) }

// SetWriteDeadline implements [net.Conn].
func (s *stream) SetWriteDeadline(t time.Time) error { return s.write.set(t) }

// deadlineContext is a deadline that may be moved while calls wait for it. Its context ends at the deadline; moving a
// deadline that has passed makes a new one.
type deadlineContext struct {
	parent context.Context

	mu      sync.Mutex
	ctx     context.Context
	cancel  context.CancelFunc
	timer   *time.Timer
	stopped bool
}

func (d *deadlineContext) init(parent context.Context) {
	d.parent = parent
	d.ctx, d.cancel = context.WithCancel(parent)
}

func (d *deadlineContext) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.parent.Err() != nil {
		d.cancel() // as is about to happen: a call that the parent has ended may return before
	}
	return d.ctx
}

// error says why the context ended: net.ErrClosed, the error of the parent, or os.ErrDeadlineExceeded.
func (d *deadlineContext) error() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return net.ErrClosed
	}
	if err := d.parent.Err(); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded
}

// convert turns the error of a call that ctx bounded into one that users of a net.Conn know.
func (d *deadlineContext) convert(ctx context.Context, err error) error {
	var closed *CloseError
	d.mu.Lock()
	stopped := d.stopped
	d.mu.Unlock()
	if stopped || ctx.Err() != nil && !errors.As(err, &closed) {
		return d.error()
	}
	return err
}

// set moves the deadline. It returns net.ErrClosed after stop.
func (d *deadlineContext) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return net.ErrClosed
	}
	d.move(t)
	return nil
}

// move is set for a caller that holds mu.
func (d *deadlineContext) move(t time.Time) {
	if d.timer != nil {
		if !d.timer.Stop() {
			d.cancel() // as the timer is about to do, perhaps after this call has returned
		}
		d.timer = nil
	}
	wait := time.Until(t)
	if !t.IsZero() && wait <= 0 {
		d.cancel()
		return
	}
	if d.ctx.Err() != nil {
		d.ctx, d.cancel = context.WithCancel(d.parent)
	}
	if !t.IsZero() {
		d.timer = time.AfterFunc(wait, d.cancel)
	}
}

// stop ends the context for good.
func (d *deadlineContext) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	d.move(time.Unix(1, 0)) // long ago
}
