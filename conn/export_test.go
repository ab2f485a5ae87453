package conn

import "context"

// HoldCompression makes whoever compresses p stand still until release is called.
func (p *Prepared) HoldCompression() (release func()) {
	p.mu.Lock(context.Background(), nil)
	return p.mu.Unlock
}
