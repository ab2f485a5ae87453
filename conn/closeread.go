package conn

import "context"

// CloseRead is for connections on which the peer has nothing to say: it reads in the background, so that pings are
// answered and the end of the connection is noticed. The returned context ends when the connection does, or ctx. A
// message from the peer closes the connection with [StatusPolicyViolation]. No other call may read from then on.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	c.out.mu.Lock()
	r := c.rarely()
	if r.background == nil {
		r.background = new(slot)
	}
	busy := r.background
	mine := busy.tryAcquire() // a second call meanwhile is not waited for: it may not read, and ends at once
	c.out.mu.Unlock()
	go func() {
		defer func() {
			cancel()
			if mine {
				busy.release()
			}
		}()
		if _, _, err := c.Reader(ctx); err == nil {
			c.sendClose(StatusPolicyViolation, "unexpected message")
			c.finishClose()
		}
	}()
	return ctx
}
