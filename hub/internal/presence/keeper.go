// Package presence is what brokers have in common whose entries of those present expire: somebody has to renew them.
package presence

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Keeper keeps the entries of one broker. It renews and takes out on one goroutine, so that nothing is renewed that has left.
type Keeper[E comparable] struct {
	Every time.Duration                    // between two renewals
	Renew func(entries []E)                // renews these
	Leave func(ctx context.Context, e []E) // takes these out
	wake  chan struct{}                    // one slot: leaving is not empty

	mu      sync.Mutex
	entries map[E]struct{}
	leaving []E
	started bool
	shut    bool
}

// Init makes a Keeper usable whose exported fields are set.
func (k *Keeper[E]) Init() { k.wake, k.entries = make(chan struct{}, 1), map[E]struct{}{} }

// Start starts the goroutine in work, until ctx ends. It does so once, and reports false after Shut.
func (k *Keeper[E]) Start(ctx context.Context, work *sync.WaitGroup) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut {
		return false
	}
	if !k.started {
		k.started = true
		work.Go(func() { k.run(ctx) })
	}
	return true
}

// Add adds an entry, which Remove takes out. It reports false after Shut.
func (k *Keeper[E]) Add(e E) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.shut {
		k.entries[e] = struct{}{}
	}
	return !k.shut
}

// Remove has an entry taken out soon.
func (k *Keeper[E]) Remove(e E) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.entries[e]; !there {
		return
	}
	delete(k.entries, e)
	k.leaving = append(k.leaving, e)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Shut returns all entries, which are left to the caller and not renewed any more, but for a renewal that is under way. It
// reports false if that was done before.
func (k *Keeper[E]) Shut() (entries []E, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut {
		return nil, false
	}
	k.shut = true
	entries = append(k.leaving, slices.Collect(maps.Keys(k.entries))...)
	k.entries, k.leaving = nil, nil
	return entries, true
}

// IsShut reports whether Shut was called.
func (k *Keeper[E]) IsShut() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shut
}

func (k *Keeper[E]) run(ctx context.Context) {
	tick := time.NewTicker(k.Every)
	defer tick.Stop()
	for {
		select {
		case <-k.wake:
			k.mu.Lock()
			leaving := k.leaving
			k.leaving = nil
			k.mu.Unlock()
			k.Leave(ctx, leaving)
		case <-tick.C:
			k.mu.Lock()
			entries := slices.Collect(maps.Keys(k.entries))
			k.mu.Unlock()
			k.Renew(entries)
		case <-ctx.Done():
			return
		}
	}
}
