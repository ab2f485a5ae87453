package observe

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// clockStep is the time between two steps of a clock.
const clockStep = conn.DefaultSlowAfter / 16

// clock tells the time in steps, for Observer.Clock, at a tenth of what it costs to ask the system. A timer makes the steps, and only
// while there is somebody who asks. The zero value is ready for use.
type clock struct {
	time  atomic.Int64  // of the last step, from start on
	asked atomic.Uint32 // how often since then, at least once if the timer is to go on

	mu      sync.Mutex
	start   time.Time // when it was asked first
	running bool      // the timer is set
}

// now returns the time of the last step, which was no longer ago than clockStep.
func (k *clock) now() time.Duration {
	if k.asked.Load() == 0 {
		k.ask()
	}
	return time.Duration(k.time.Load())
}

// ask has the steps go on.
func (k *clock) ask() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked.Store(1)
	if k.running {
		return
	}
	if k.start.IsZero() {
		k.start = time.Now()
	}
	k.set()
}

// set makes a step, and sets the timer for the next one. The caller holds mu.
func (k *clock) set() {
	k.running = true
	k.time.Store(int64(time.Since(k.start)))
	time.AfterFunc(clockStep, k.step)
}

// step is called by the timer.
func (k *clock) step() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = false
	if k.asked.Swap(0) != 0 {
		k.set()
	}
}
