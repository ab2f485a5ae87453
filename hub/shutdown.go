package hub

import (
	"context"
	"errors"
)

// Shutdown refuses all that is new, with [ErrShutdown], and waits until everything that was published has been handed to
// the connections; then nobody is subscribed any more. The connections stay open: they belong to others, who close them.
// What was handed to a connection goes out before Conn.Close closes it.
//
// If ctx ends first, Shutdown drops what still waits and returns the error of ctx. Otherwise the error is that of the
// relay's Close. Shutdown may be called more than once; every call waits.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.down = true
	h.settle()
	h.mu.Unlock()
	err := h.drained(ctx)
	if err != nil {
		h.cutNow()
	}
	h.seal()
	for _, m := range h.everybody() {
		h.retire(m)
	}
	h.workers.Wait()
	h.cutNow()
	return errors.Join(err, h.closeRelay())
}

// drained waits until nothing is under way.
func (h *Hub) drained(ctx context.Context) error {
	select {
	case <-h.idle:
		return nil
	default:
	}
	select {
	case <-h.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seal leaves the retiring of members to Shutdown alone.
func (h *Hub) seal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sealed = true
}

func (h *Hub) everybody() []*member {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*member, 0, len(h.members))
	for _, m := range h.members {
		all = append(all, m)
	}
	return all
}

// begin starts a call that publishes, and returns the topic, which is nil if nobody is in it.
func (h *Hub) begin(topic string) (*topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return nil, ErrShutdown
	}
	h.active++
	return h.topics[topic], nil
}

// done ends what begin or start started.
func (h *Hub) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active--
	h.settle()
}

// settle notices that nothing is under way any more. The caller holds mu.
func (h *Hub) settle() {
	if h.down && h.active == 0 && !h.over {
		h.over = true
		close(h.idle)
	}
}

// start runs f on a goroutine that Shutdown waits for.
func (h *Hub) start(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startLocked(f)
}

// startLocked is start for a caller who holds mu.
func (h *Hub) startLocked(f func()) {
	h.active++
	h.workers.Go(func() {
		defer h.done()
		f()
	})
}
