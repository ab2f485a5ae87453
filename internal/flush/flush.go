// Package flush decides which goroutine writes what several have queued for one connection: one of those who wait for it, or
// one that is started because nobody does. It writes nothing itself, and knows nothing of what is written.
package flush

// State says who writes.
type State uint8

// The states, and what leads from one to the next:
//
//	                         Idle       Scheduled  Writing    Blocked
//	Begin: I wait for it     Writing    Writing    -          -
//	Later: nobody waits      Scheduled  Scheduled  Writing    Blocked
//	Run: Later's goroutine   Idle       Writing    Writing    Blocked
//	Arrived: it is there     Idle       Scheduled  Writing    Blocked
//	Yield: not I             -          -          Scheduled  Scheduled
//	Block: it would wait     -          -          Blocked    Blocked
//	Unblock: it would not    Idle       Scheduled  Writing    Writing
//	End: somebody waits      -          -          Writing    Writing
//	End: bytes are left      -          -          Writing    Writing
//	End: nothing is left     -          -          Idle       Idle
const (
	Idle      State = iota // nobody writes
	Scheduled              // a goroutine that will write is on its way
	Writing                // somebody writes
	Blocked                // a goroutine of the connection's own waits until more can be written
)

// Flusher keeps the state of one connection. Its methods are called with the lock that guards the queue; whoever
// writes does so without, between Begin (or a Run that returned true) and End, so that there is one writer at a time. The
// zero value is idle.
//
// Invariants: started is set from the moment a method asked for a goroutine until its Run. There are waiters only while
// somebody writes, and the one whose turn it is is not among them.
type Flusher struct {
	waiting *waiting // nil if nobody waits, once all who did have left, and there is no spare waiter
	state   State
	started bool
}

// waiting is who waits.
type waiting struct {
	waiters *Waiter       // for others to write, in the order of coming
	spare   *Waiter       // an earlier one, for the next Wait, or nil
	quiet   chan struct{} // closed when nobody is at work any more; nil until somebody asks
}

// first returns the waiter that has come first, or nil.
func (f *Flusher) first() *Waiter {
	if f.waiting == nil {
		return nil
	}
	return f.waiting.waiters
}

// needWaiting returns f.waiting, making it if necessary.
func (f *Flusher) needWaiting() *waiting {
	if f.waiting == nil {
		f.waiting = new(waiting)
	}
	return f.waiting
}

// tidy lets go of f.waiting when nobody waits any more.
func (f *Flusher) tidy() {
	if w := f.waiting; w != nil && w.waiters == nil && w.spare == nil && w.quiet == nil {
		f.waiting = nil
	}
}

// Waiter waits for bytes that somebody else writes.
type Waiter struct {
	// C gets a value when the bytes are written, when it is the waiter's turn to write, or on Stop.
	C    chan struct{}
	end  int64
	turn bool
	next *Waiter
}

// State returns the state.
func (f *Flusher) State() State { return f.state }

// Begin reports whether the caller is to write now. Then End must follow, and else Wait may.
func (f *Flusher) Begin() bool {
	if f.state > Scheduled {
		return false
	}
	f.state = Writing
	return true
}

// Later is for a caller that has queued something and will not wait. It reports whether the caller is to start a goroutine that
// calls Run.
func (f *Flusher) Later() (start bool) {
	if f.state != Idle {
		return false
	}
	f.state = Scheduled
	return f.start()
}

// Yield ends the writer's turn and leaves the rest to a goroutine. It reports whether the caller is to start it.
func (f *Flusher) Yield() (start bool) {
	f.state = Scheduled
	return f.start()
}

func (f *Flusher) start() bool {
	was := f.started
	f.started = true
	return !was
}

// Run is called by the goroutine that Later or Yield asked for. It reports whether that is to write; then End must follow.
func (f *Flusher) Run() bool {
	f.started = false
	if f.state == Scheduled {
		f.state = Writing
		return true
	}
	f.settle()
	return false
}

// Arrived notes that the goroutine runs that Later or Yield asked for, ahead of its Run, for one that has several connections
// to see to: Quiet does not wait for it any longer.
func (f *Flusher) Arrived() {
	f.started = false
	f.settle()
}

// Block notes that a goroutine of the connection's own goes on with the writing, and waits for the network. It is to call End.
func (f *Flusher) Block() { f.state = Blocked }

// Unblock ends Block, for a caller to whom the network has told that it takes more. It reports whether the caller is to write
// now; then End must follow, or Block again.
func (f *Flusher) Unblock() bool {
	if f.state != Blocked {
		return false
	}
	f.state = Writing
	return true
}

// Wait returns a waiter for end, which is what Wrote will be called with in time. It is for a caller that may not write. Leave must
// follow, and the waiter is not to be used after.
func (f *Flusher) Wait(end int64) *Waiter {
	waiting := f.needWaiting()
	w := waiting.spare
	if waiting.spare = nil; w == nil {
		w = &Waiter{C: make(chan struct{}, 1)}
	}
	w.end, w.turn, w.next = end, false, nil
	at := &waiting.waiters
	for *at != nil {
		at = &(*at).next
	}
	*at = w
	return w
}

// Leave ends the waiting of w, whatever woke it. It reports whether it is its turn to write: then End must follow.
// With keep, the memory is kept for the next Wait, on connections where every write waits.
func (f *Flusher) Leave(w *Waiter, keep bool) (turn bool) {
	waiting := f.needWaiting()
	for at := &waiting.waiters; *at != nil; at = &(*at).next {
		if *at == w {
			*at = w.next
			break
		}
	}
	select {
	case <-w.C: // it gave up as this came
	default:
	}
	if keep {
		waiting.spare = w
	}
	f.tidy()
	return w.turn
}

// Wrote notes that everything up to done is written, and wakes those who waited for that.
func (f *Flusher) Wrote(done int64) {
	if f.waiting == nil {
		return
	}
	for at := &f.waiting.waiters; *at != nil; {
		if w := *at; w.end <= done {
			*at = w.next
			w.C <- struct{}{}
		} else {
			at = &w.next
		}
	}
}

// End ends the writer's turn. If somebody waits, it is theirs. Otherwise, if bytes are left that are not written, it is
// still the caller's: End reports that.
func (f *Flusher) End(left bool) (goOn bool) {
	f.state = Writing
	switch w := f.first(); {
	case w != nil:
		f.waiting.waiters, w.turn = w.next, true
		w.C <- struct{}{}
	case left:
		return true
	default:
		f.state = Idle
		f.settle()
	}
	return false
}

// Stop wakes everybody who waits: nothing more will be written.
func (f *Flusher) Stop() {
	for w := f.first(); w != nil; w = f.first() {
		f.waiting.waiters = w.next
		w.C <- struct{}{}
	}
}

// Quiet returns a channel that is closed as soon as nobody writes and no goroutine is on its way, or nil if that is so. It is
// for the end, when nothing new begins.
func (f *Flusher) Quiet() <-chan struct{} {
	if f.isQuiet() {
		return nil
	}
	w := f.needWaiting()
	if w.quiet == nil {
		w.quiet = make(chan struct{})
	}
	return w.quiet
}

func (f *Flusher) isQuiet() bool { return f.state <= Scheduled && !f.started }

// settle tells those who wait for quiet.
func (f *Flusher) settle() {
	if w := f.waiting; w != nil && w.quiet != nil && f.isQuiet() {
		close(w.quiet)
		w.quiet = nil
		f.tidy()
	}
}
