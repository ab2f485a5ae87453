package autobahn

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// output is something for the writer to do, in this order.
type output struct {
	data  []byte
	chop  int    // bytes in a TCP write; 0 for as many as there are
	alone bool   // share no TCP write with others
	then  func() // runs in the loop once everything before has been written
	drop  bool   // close TCP in the orderly way
}

func (o output) plain() bool { return o.chop == 0 && !o.alone && o.then == nil && !o.drop }

// writer writes to TCP what the loop queues, so that the loop never blocks on a
// peer that does not read.
type writer struct {
	nc   net.Conn
	post func(func())

	mu      sync.Mutex
	queue   []output
	stopped bool
	wake    chan struct{} // holds one token when the queue has something new
}

func newWriter(nc net.Conn, post func(func())) *writer {
	return &writer{nc: nc, post: post, wake: make(chan struct{}, 1)}
}

func (w *writer) push(o output) {
	w.mu.Lock()
	w.queue = append(w.queue, o)
	w.mu.Unlock()
	w.signal()
}

func (w *writer) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.signal()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run writes until stop. After an error nothing more is written, but marks are
// still passed on: that TCP is gone is the reader's to notice.
func (w *writer) run() {
	broken := false
	for range w.wake {
		queue, stopped := w.take()
		if stopped {
			return
		}
		for _, o := range merged(queue) {
			if len(o.data) > 0 && !broken {
				broken = w.write(o) != nil
			}
			if o.drop {
				w.close()
			}
			if o.then != nil {
				w.post(o.then)
			}
		}
	}
}

func (w *writer) take() ([]output, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queue
	w.queue = nil
	return queue, w.stopped
}

// merged joins neighbours that may share a write.
func merged(queue []output) []output {
	var out []output
	for _, o := range queue {
		if n := len(out); n > 0 && o.plain() && out[n-1].plain() {
			out[n-1].data = append(out[n-1].data, o.data...)
			continue
		}
		out = append(out, o)
	}
	return out
}

func (w *writer) write(o output) error {
	if o.chop == 0 {
		_, err := w.nc.Write(o.data)
		return err
	}
	for b := o.data; len(b) > 0; {
		n := min(o.chop, len(b))
		if _, err := w.nc.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		pause(len(o.data) / o.chop)
	}
	return nil
}

// pause keeps TCP from joining writes that should arrive apart. Sleeping is
// sure to, but takes far longer than asked for; where the writes are many the
// peer gets its turn and no more.
func pause(writes int) {
	if writes < 1000 {
		time.Sleep(10 * time.Microsecond)
		return
	}
	runtime.Gosched()
}

// close ends our side of TCP and leaves the other for the peer to end, so that
// what is on its way to it arrives.
func (w *writer) close() {
	if c, ok := w.nc.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		return
	}
	_ = w.nc.Close()
}
