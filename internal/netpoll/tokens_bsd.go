//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll

import "sync"

// tokens are the tokens of descriptors, by their number.
type tokens struct {
	mu sync.Mutex
	by []uint64
}

func (t *tokens) set(fd int, token uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.by) <= fd {
		t.by = append(t.by, 0)
	}
	t.by[fd] = token
}

func (t *tokens) get(fd int) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fd < 0 || fd >= len(t.by) {
		return 0
	}
	return t.by[fd]
}
