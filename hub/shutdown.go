package hub

import (
	"context"

	"github.com/seed60239977/websocket/conn"
)

// Shutdown refuses new calls with [ErrShutdown], and waits until everything published has been handed to the connections; then
// it unsubscribes them all. The connections stay open, and the program must close them. What was handed to a connection is sent
// before Conn.Close closes it.
//
// If ctx ends first, Shutdown drops what is still waiting and returns the error of ctx. The broker stays open. Shutdown may be
// called more than once; every call waits.
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
	for _, t := range h.lingering() {
		t.unfollow()
	}
	h.workers.Wait()
	h.cutNow()
	return err
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

// lingering forgets the topics that nobody uses, and returns them.
func (h *Hub) lingering() (idle []*topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, t := range h.topics {
		if t.users == 0 {
			t.linger.Stop()
			delete(h.topics, name)
			idle = append(idle, t)
		}
	}
	return idle
}

// begin starts a call that publishes, and returns the number of c, which is 0 if c is none that the hub knows.
func (h *Hub) begin(c *conn.Conn) (number uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return 0, ErrShutdown
	}
	h.active++
	if m := h.members[c]; m != nil {
		number = m.number
	}
	return number, nil
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
