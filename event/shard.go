package event

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/internal/wheel"
)

// shard is a part of the connections, and the one goroutine that waits for the network for them: its leader. When a callback
// takes long, another goroutine becomes the leader, and the one before goes on with its connection alone; see watch.go.
//
// Invariants: turn is even, or the leader is in a job. What stands under "leader" is touched by the leader between jobs, and by
// nobody else: it goes from one leader to the next with turn.
type shard struct {
	loop    *Loop
	poller  poller
	start   time.Time // all times count from here
	nowhere place     // of sockets that have no slot yet
	turn    atomic.Uint64
	watch   watch

	reported atomic.Int32 // how many events the poller has reported

	// Leader.
	events  []netpoll.Event // what the poller has reported, and is still to be dealt with
	batch   list            // sockets to go on with before the poller is asked again
	current *Socket         // whose job it is, or nil
	buf     [batchSize]netpoll.Event

	mu      sync.Mutex // guards all below; held for a moment only
	slots   []*slots   // all but the last are in use, or free
	free    []uint32   // slots that were used, and that nobody has
	unused  int        // in the last of slots
	queue   list       // sockets to go on with
	timers  wheel.Wheel
	usual   *place                    // that of the newest socket that is at work; or nil
	waiters map[*Socket]chan struct{} // for callers that wait to read, which is rare
	asleep  bool                      // the leader waits for the network
	until   time.Duration             // how long, unless somebody wakes it; negative: for ever
}

// batchSize is how many sockets are asked for at a time.
const batchSize = 128

// list is a queue of sockets.
type list struct {
	all   []*Socket // those before first are gone
	first int
}

func (l *list) empty() bool { return l.first == len(l.all) }

func (l *list) push(s *Socket) { l.all = append(l.all, s) }

// pop returns nil if the list is empty.
func (l *list) pop() (s *Socket) {
	if !l.empty() {
		s, l.all[l.first] = l.all[l.first], nil
		l.first++
	}
	return s
}

// maxSpare is the longest list whose memory is kept.
const maxSpare = 1 << 10

// reset makes an empty list ready for use again.
func (l *list) reset() {
	l.all, l.first = l.all[:0], 0
	if cap(l.all) > maxSpare {
		l.all = nil
	}
}

func newShard(l *Loop, p poller) *shard {
	h := &shard{loop: l, poller: p, start: time.Now(), waiters: map[*Socket]chan struct{}{}}
	h.nowhere.shard = h
	h.watch.init(h)
	return h
}

// lead is the goroutine of a shard. It ends with the loop, or when another one leads.
func (h *shard) lead() {
	for h.work() {
		if h.loop.isOver() {
			h.watch.stop()
			h.poller.Close()
			return
		}
		h.wait()
	}
}

// work does all there is to do. It reports whether the caller still leads.
func (h *shard) work() bool {
	for len(h.events) > 0 {
		e := h.events[0]
		h.events = h.events[1:]
		if s := h.lookUp(e.Token); s != nil && !h.dispatch(s, e.Ready) {
			return false
		}
	}
	if h.batch.empty() { // else a leader before has left it
		h.batch.reset()
		h.mu.Lock()
		h.batch, h.queue = h.queue, h.batch
		h.mu.Unlock()
	}
	for s := h.batch.pop(); s != nil; s = h.batch.pop() {
		if !h.job(s, s.run) {
			return false
		}
	}
	for f := h.due(); f != nil; f = h.due() {
		if !h.job(nil, f) {
			return false
		}
	}
	return true
}

// dispatch deals with what the poller has said of s. It reports whether the caller still leads.
func (h *shard) dispatch(s *Socket, r netpoll.Ready) bool {
	if r&netpoll.Writable != 0 && s.has(stateOpened) {
		// Not in its turn: a callback may be waiting for this.
		if !h.job(nil, s.writable) {
			if r &^= netpoll.Writable; r != 0 && s.mark(bitsOf(r)) {
				h.push(s)
			}
			return false
		}
	}
	s.signal()
	return !s.mark(bitsOf(r)) || h.job(s, s.run)
}

// job does one thing that may take long. It reports whether the caller still leads.
func (h *shard) job(s *Socket, f func()) bool {
	h.current = s
	t := h.turn.Load() + 1
	h.turn.Store(t)
	h.watch.begin()
	f()
	return h.turn.CompareAndSwap(t, t+1)
}

// wait waits for the network, for the next timer, or to be woken.
func (h *shard) wait() {
	h.mu.Lock()
	timeout := time.Duration(-1)
	h.until = -1
	if at, ok := h.timers.Next(); ok {
		now := h.now()
		timeout = max(0, at-now)
		h.until = now + timeout
	}
	if !h.queue.empty() || h.loop.isOver() {
		timeout = 0
	}
	h.asleep = timeout != 0
	h.mu.Unlock()
	n, err := h.poller.Wait(h.buf[:], timeout)
	if err != nil {
		h.loop.log.Printf("websocket: event loop: %v", err)
	}
	if timeout != 0 {
		h.mu.Lock()
		h.asleep = false
		h.mu.Unlock()
	}
	h.events = h.buf[:n]
	h.reported.Store(int32(n))
}

func (h *shard) now() time.Duration { return time.Since(h.start) }

// wake makes the leader look at what there is to do.
func (h *shard) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wakeLocked()
}

func (h *shard) wakeLocked() {
	if h.asleep {
		h.asleep = false
		h.poller.Wake()
	}
}

// push has the leader go on with s, which is marked.
func (h *shard) push(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue.push(s)
	h.wakeLocked()
}

// add gives s a slot, and begins to listen to it. peer is who is at the other end, or the zero value if that is not known.
func (h *shard) add(s *Socket, peer netip.AddrPort) error {
	h.mu.Lock()
	s.slot = h.freeSlot()
	at := h.at(s.slot)
	at.socket = s
	at.setPeer(peer)
	token := at.token(s.slot)
	h.mu.Unlock()
	if err := h.poller.Add(s.stream(), token); err != nil {
		h.remove(s)
		return err
	}
	return nil
}

// placeOf returns the place of a socket that is at work, with nothing unusual about it, at a local address, which may be nil.
func (h *shard) placeOf(w *working, local net.Addr) *place {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.usual == nil || h.usual.phase != w || h.usual.local != local {
		h.usual = &place{shard: h, phase: w, local: local}
	}
	return h.usual
}

// await returns what to wait for to read from s again, or nil if it is to be tried before: from now on, signal tells.
func (h *shard) await(s *Socket) (ready chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ready = h.waiters[s]
	if ready == nil && !s.has(stateClosed) {
		h.waiters[s] = make(chan struct{}, 1)
		s.state.Or(stateAwaited)
	}
	return ready
}

// signal wakes who waits to read from s.
func (h *shard) signal(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.waiters[s] <- struct{}{}:
	default: // it is signaled already, or nobody waits any more
	}
}

// timer is a timer of a shard. The zero value is not set.
type timer struct {
	wheel.Timer
	shard *shard
}

// afterFunc has f called as a job of the leader.
func (h *shard) afterFunc(d time.Duration, f func()) nonblock.Timer {
	t := new(timer)
	h.setFunc(t, d, f)
	return t
}

// setFunc is afterFunc with a timer of the caller's, which is not set.
func (h *shard) setFunc(t *timer, d time.Duration, f func()) {
	t.F, t.shard = f, h
	t.Reset(d)
}

// Stop implements [nonblock.Timer].
func (t *timer) Stop() bool {
	if t.shard == nil {
		return false
	}
	t.shard.mu.Lock()
	defer t.shard.mu.Unlock()
	return t.shard.timers.Stop(&t.Timer)
}

// Reset implements [nonblock.Timer].
func (t *timer) Reset(d time.Duration) bool {
	h := t.shard
	h.mu.Lock()
	defer h.mu.Unlock()
	was := t.Pending()
	at := h.now() + max(d, 0)
	h.timers.Set(&t.Timer, at)
	if h.asleep && (h.until < 0 || at < h.until) {
		h.wakeLocked()
	}
	return was
}

// due returns the function of a timer whose time has come, or nil.
func (h *shard) due() func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.timers.Next(); !ok { // then it does not matter what time it is
		return nil
	}
	if t := h.timers.Advance(h.now()); t != nil {
		return t.F
	}
	return nil
}
