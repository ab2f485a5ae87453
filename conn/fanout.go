package conn

import (
	"runtime"
	"sync"
)

// task is a goroutine that does one thing for a connection, or for several, made of what an earlier one has left.
type task struct {
	run   func()
	do    func(*Conn)
	conns []*Conn // in the end with room for a batch
	of    *fanOut // who may add connections until the task runs; nil if nobody
}

var tasks sync.Pool

func newTask(do func(*Conn), c *Conn, of *fanOut) *task {
	t, ok := tasks.Get().(*task)
	if !ok {
		t = new(task)
		t.run = t.work
	}
	t.do, t.of, t.conns = do, of, append(t.conns, c)
	return t
}

// start does do(c) on a goroutine of its own. The flusher of c knows that it is on its way.
func (c *Conn) start(do func(*Conn)) { go newTask(do, c, nil).run() }

func (t *task) work() {
	if t.of != nil {
		// Whoever is about to publish to the same connections goes first: more goes out in one write. That costs nothing while
		// nobody is.
		runtime.Gosched()
		t.of.close(t)
		for _, c := range t.conns { // before anything is written, because what ends a connection may close others
			c.out.mu.Lock()
			c.out.flusher.Arrived()
			c.out.mu.Unlock()
		}
	}
	for _, c := range t.conns {
		t.do(c)
	}
	clear(t.conns)
	t.of, t.conns = nil, t.conns[:0]
	tasks.Put(t)
}

// fanOut writes one message to many connections: a goroutine for each would cost a tenth of what writing does.
type fanOut struct {
	mu   sync.Mutex
	next *task // waits for its goroutine to run
}

// batchSize is how many connections one goroutine writes to, so that there is work for all processors.
const batchSize = 64

// add has a goroutine run the flush of c, which is the same for all.
func (f *fanOut) add(c *Conn, flush func(*Conn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.next; t != nil && len(t.conns) < batchSize {
		t.conns = append(t.conns, c)
		return
	}
	f.next = newTask(flush, c, f)
	go f.next.run()
}

// close makes sure that nobody is added to t any more.
func (f *fanOut) close(t *task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == t {
		f.next = nil
	}
}
