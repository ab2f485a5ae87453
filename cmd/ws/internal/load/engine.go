package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// engine runs a load.
type engine struct {
	*options
	client   client
	messages *messages
	stats    *stats
	began    time.Time // when the first connection is due
	from, to time.Time // what is due in between is measured
	opened   atomic.Int64
	open     atomic.Int64
}

// newEngine returns an engine whose time begins now.
func newEngine(o *options, c client, m *messages) *engine {
	e := &engine{options: o, client: c, messages: m, began: time.Now()}
	e.from = e.began.Add(e.ramp + e.warmup)
	e.to = e.from.Add(e.duration)
	e.stats = newStats(e.began, e.from)
	return e
}

// run runs the load to its end, or that of ctx.
func (e *engine) run(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, e.to.Add(e.drain))
	defer cancel()
	var all sync.WaitGroup
	for i := range e.connections {
		due := e.began.Add(time.Duration(float64(e.ramp) * float64(i) / float64(e.connections)))
		if !sleep(ctx, due) {
			break
		}
		all.Go(func() { e.connection(ctx, i, due) })
	}
	all.Wait()
	e.stats.finish(time.Now())
}

// sleep waits until a time. It returns false if ctx has ended.
func sleep(ctx context.Context, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connection is the life of one connection, which was due at a time.
func (e *engine) connection(ctx context.Context, number int, due time.Time) {
	w := &waiting{engine: e, changed: make(chan struct{}, 1), gone: make(chan struct{})}
	late := time.Since(due)
	l, took, err := e.client.open(ctx, w.received, w.ended)
	if err != nil {
		if ctx.Err() == nil || errors.Is(err, context.DeadlineExceeded) {
			e.stats.failed("connect: " + kind(err))
		}
		return
	}
	e.stats.connected(late+took.connected, late+took.firstByte)
	e.opened.Add(1)
	e.open.Add(1)
	defer e.open.Add(-1)
	l.start()
	if e.rate == 0 {
		e.oneByOne(ctx, l, w, number)
	} else {
		e.scheduled(ctx, l, w, number)
	}
	w.drain(ctx)
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	l.close()
}

// scheduled sends messages when they are due. The connections' messages are spread evenly over the time between two of one.
func (e *engine) scheduled(ctx context.Context, l link, w *waiting, number int) {
	interval := float64(time.Second) / e.rate
	offset := interval * float64(number) / float64(e.connections)
	first := e.began.Add(e.ramp)
	var b bytes.Buffer
	for seq := 0; ; seq++ {
		due := first.Add(time.Duration(offset + float64(seq)*interval))
		if !due.Before(e.to) || !w.until(ctx, due) {
			return
		}
		if !e.send(ctx, l, w, &b, number, seq, due) {
			return
		}
	}
}

// oneByOne sends the next message when the answer is there.
func (e *engine) oneByOne(ctx context.Context, l link, w *waiting, number int) {
	var b bytes.Buffer
	if !w.until(ctx, e.began.Add(e.ramp)) {
		return
	}
	for seq := 0; ; seq++ {
		now := time.Now()
		if !now.Before(e.to) || !e.send(ctx, l, w, &b, number, seq, now) || !w.drain(ctx) {
			return
		}
	}
}

// send sends one message that was due at a time.
func (e *engine) send(ctx context.Context, l link, w *waiting, b *bytes.Buffer, number, seq int, due time.Time) bool {
	b.Reset()
	e.messages.append(b, number, seq)
	if !e.oneWay {
		w.add(due)
	}
	if err := l.send(ctx, e.typ(), b.Bytes()); err != nil {
		return false // told by who reads
	}
	e.stats.sent(due, b.Len())
	return true
}

// waiting are the messages of a connection whose answers have not come, in order.
type waiting struct {
	engine  *engine
	mu      sync.Mutex
	due     []time.Time
	changed chan struct{} // has an element when an answer has come
	gone    chan struct{} // closed when the connection has ended
	closing bool          // by the engine
}

func (w *waiting) add(due time.Time) {
	w.mu.Lock()
	w.due = append(w.due, due)
	w.mu.Unlock()
}

// received is called for each message that comes.
func (w *waiting) received(size int) {
	now := time.Now()
	w.mu.Lock()
	if len(w.due) == 0 {
		w.mu.Unlock()
		w.engine.stats.unasked(now, size)
		return
	}
	due := w.due[0]
	w.due = w.due[1:]
	w.mu.Unlock()
	w.engine.stats.answered(due, now, size)
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// ended is called when the connection has ended.
func (w *waiting) ended(err error) {
	w.mu.Lock()
	closing := w.closing
	w.mu.Unlock()
	if !closing {
		w.engine.stats.failed("lost: " + kind(err))
	}
	close(w.gone)
}

// until waits for a time. It returns false if the connection or ctx ends before.
func (w *waiting) until(ctx context.Context, due time.Time) bool {
	select {
	case <-w.gone:
		return false
	default:
	}
	d := time.Until(due)
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.gone:
	case <-ctx.Done():
	}
	return false
}

// drain waits until all answers are there. Those that do not come before ctx ends are errors; it returns false then.
func (w *waiting) drain(ctx context.Context) bool {
	for {
		w.mu.Lock()
		left := len(w.due)
		w.mu.Unlock()
		if left == 0 {
			return true
		}
		select {
		case <-w.changed:
		case <-w.gone:
			w.lose("unanswered: the connection was lost")
			return false
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // and nobody has interrupted it
				w.lose("unanswered: no answer in time")
			}
			return false
		}
	}
}

// lose counts what has no answer as errors, once.
func (w *waiting) lose(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range w.due {
		w.engine.stats.failed(why)
	}
	w.due = nil
}

// showProgress shows a line on a terminal until stop is called.
func (e *engine) showProgress(out io.Writer) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprintf(out, "\r\x1b[K%s", cli.Visible(e.progress(time.Since(e.began))))
			select {
			case <-quit:
				fmt.Fprint(out, "\r\x1b[K")
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
