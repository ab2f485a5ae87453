package conn

// writeFailed ends sending, because the network has refused a write, and not receiving: a peer that has said what there
// was to say and gone away refuses what comes after, and what it said may be on its way to whoever reads. That has
// Config.CloseTimeout from now on. The caller holds flushing.
func (c *Conn) writeFailed(err error) {
	o := &c.out
	o.current.release()
	o.current = nil
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.end.Load() != nil {
		return
	}
	r := c.rarely()
	r.refused = &WriteError{err}
	r.newest, r.deferred, r.waiting = nil, nil, 0
	o.broken = true
	o.pending.release()
	o.pending, o.piled = nil, false
	c.startClock()
}

// unsendable reports whether the network has refused a write, for who holds neither out.mu nor flushing.
func (c *Conn) unsendable() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.broken
}

// refusal returns why what was accepted does not go out. The network has refused a write.
func (c *Conn) refusal() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.ended(c.rare.refused)
}
