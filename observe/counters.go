package observe

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/seed60239977/websocket/conn"
)

// Counters counts what happens on connections. The zero value is ready for use. Counters must not be copied. All methods may be
// called from any goroutine.
type Counters struct {
	shards [shards]shard

	opened, ended      atomic.Uint64
	accepted, dialed   atomic.Uint64
	queueFull          atomic.Uint64
	handshakes         durations
	roundTrips, slow   durations
	remote, clean      atomic.Uint64 // of those that have ended
	mu                 sync.Mutex    // guards the maps
	refusals, failures map[int]uint64
	codes              map[conn.StatusCode]uint64
	once               sync.Once
	observer           *conn.Observer
	clock              clock
}

// shards is how many copies there are of what is counted for each message: processors that add to the same word wait for each
// other.
const shards = 16

// shard is what is counted for each message. It fills cache lines of its own: two of 64 bytes, which some processors fetch in
// pairs.
type shard struct {
	by [2][2]traffic // by direction and type
	_  [128 - 4*unsafe.Sizeof(traffic{})]byte
}

// traffic is one kind of message in one direction.
type traffic struct {
	messages, bytes atomic.Uint64
	saved           atomic.Int64 // bytes, by compression
}

// The first index of shard.by. The second one is 0 for text and 1 for binary.
const (
	received = iota
	sent
)

// add counts a message.
func (c *Counters) add(of *conn.Conn, direction int, m conn.MessageSize) {
	// The addresses of two connections differ in their middle bits.
	address := uint64(uintptr(unsafe.Pointer(of)))
	t := &c.shards[address*0x9E3779B97F4A7C15>>60].by[direction][(m.Type-conn.Text)&1]
	t.messages.Add(1)
	t.bytes.Add(uint64(m.Bytes))
	if m.Packed != m.Bytes {
		t.saved.Add(m.Bytes - m.Packed)
	}
}

// durations are how often something took how long.
type durations struct {
	count        atomic.Uint64
	total, worst atomic.Int64 // nanoseconds
}

func (d *durations) add(took time.Duration) {
	d.count.Add(1)
	d.total.Add(int64(took))
	for worst := d.worst.Load(); int64(took) > worst && !d.worst.CompareAndSwap(worst, int64(took)); {
		worst = d.worst.Load()
	}
}

// Observer returns the observer that counts. It is always the same one. Its Clock goes in steps of a sixteenth of
// [conn.DefaultSlowAfter]; whoever sets a shorter SlowAfter, in a copy, sets that to nil.
func (c *Counters) Observer() *conn.Observer {
	c.once.Do(func() {
		c.observer = &conn.Observer{
			Handshake: c.handshake,
			Opened:    func(*conn.Conn) { c.opened.Add(1) },
			Received:  func(of *conn.Conn, m conn.MessageSize) { c.add(of, received, m) },
			Sent:      func(of *conn.Conn, m conn.MessageSize) { c.add(of, sent, m) },
			RoundTrip: func(_ *conn.Conn, rtt time.Duration) { c.roundTrips.add(rtt) },
			QueueFull: func(*conn.Conn) { c.queueFull.Add(1) },
			Slow:      func(_ *conn.Conn, took time.Duration) { c.slow.add(took) },
			Clock:     c.clock.now,
			Ended:     c.end,
		}
	})
	return c.observer
}

func (c *Counters) handshake(h *conn.Handshake) {
	c.handshakes.add(h.Took)
	switch {
	case h.Err != nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		if h.Server {
			increment(&c.refusals, h.Status)
		} else {
			increment(&c.failures, h.Status)
		}
	case h.Server:
		c.accepted.Add(1)
	default:
		c.dialed.Add(1)
	}
}

func (c *Counters) end(_ *conn.Conn, e *conn.CloseError) {
	c.ended.Add(1)
	if e.Remote {
		c.remote.Add(1)
	}
	if e.WasClean {
		c.clean.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	increment(&c.codes, e.Code)
}

// maxKeys bounds how many different numbers are told apart, since peers choose them; the rest is counted as 0.
const maxKeys = 64

func increment[K ~int | ~uint16](m *map[K]uint64, key K) {
	if *m == nil {
		*m = map[K]uint64{}
	}
	if _, known := (*m)[key]; !known && len(*m) >= maxKeys {
		key = 0
	}
	(*m)[key]++
}

// String returns the Stats as JSON, which makes the Counters an expvar.Var.
func (c *Counters) String() string {
	b, err := json.Marshal(c.Stats())
	if err != nil {
		return "null"
	}
	return string(b)
}
