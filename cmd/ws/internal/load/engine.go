package load

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// engine runs a load.
type engine struct {
	*options
	client    client
	messages  *messages
	greeting  *messages // the first message of each connection, if not nil
	stats     *stats
	schedules []*schedule     // each for its part of the connections
	ctx       context.Context // of a run
	left      sync.WaitGroup  // connections that have not ended
	blocked   sync.WaitGroup  // goroutines of those whose peer is too slow
	began     time.Time       // when the first connection is due
	from, to  time.Time       // what is due in between is measured
	ended     time.Time       // when the run was over
	cut       bool            // before its time, by ctx
	opened    atomic.Int64
	open      atomic.Int64
}

// newEngine returns an engine whose time begins now.
func newEngine(o *options, c client, m *messages) *engine {
	e := &engine{options: o, client: c, messages: m, began: time.Now()}
	e.from = e.began.Add(e.ramp + e.warmup)
	e.to = e.from.Add(e.duration)
	e.stats = newStats(e.began, e.from)
	for range runtime.GOMAXPROCS(0) {
		e.schedules = append(e.schedules, newSchedule())
	}
	return e
}

// schedule gives a connection a turn.
func (e *engine) schedule(c *connection, at time.Time) {
	e.schedules[c.number%len(e.schedules)].add(at, c)
}

// run runs the load to its end, or that of the context.
func (e *engine) run(whole context.Context) {
	ctx, cancel := context.WithDeadline(whole, e.to.Add(e.drain))
	defer cancel()
	e.ctx = ctx
	taking, stop := context.WithCancel(ctx)
	var helpers sync.WaitGroup // with the schedules, and those that connect
	for _, s := range e.schedules {
		helpers.Go(func() { s.run(taking) })
	}
	all := e.connect(ctx, &helpers)
	ended := make(chan struct{})
	helpers.Go(func() {
		e.left.Wait()
		close(ended)
	})
	select {
	case <-ended:
	case <-ctx.Done():
		for _, c := range all {
			c.timeUp(ctx.Err())
		}
		<-ended
	}
	stop()
	helpers.Wait()
	e.blocked.Wait()
	e.ended, e.cut = time.Now(), whole.Err() != nil
	e.stats.finish(e.ended)
}

// connect begins with each connection when it is due.
func (e *engine) connect(ctx context.Context, helpers *sync.WaitGroup) (all []*connection) {
	for i := range e.connections {
		due := e.began.Add(time.Duration(float64(e.ramp) * float64(i) / float64(e.connections)))
		if !sleep(ctx, due) {
			break
		}
		c := &connection{engine: e, number: i}
		all = append(all, c)
		e.left.Add(1)
		helpers.Go(func() { c.open(ctx, due) })
	}
	return all
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

// showProgress shows a line on a terminal until stop is called.
func (e *engine) showProgress(out io.Writer) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprintf(out, "\r\x1b[K%s", cli.Line(e.progress(time.Since(e.began))))
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
