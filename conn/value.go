package conn

// SetValue has [Conn.Value] return v from now on, in place of what was set before. It is for what a program knows of a connection
// and has no better place for: in the callbacks of an event loop there is no goroutine whose variables could hold it. What v
// refers to lives as long as the connection does, or until SetValue(nil).
//
// A connection without a value takes no memory for it. Both methods may be called from any goroutine, at any time, also once the
// connection has ended; they guard which value is set, and not what is in it.
func (c *Conn) SetValue(v any) {
	if d := c.driven(); d != nil {
		d.value.Store(box(v))
		return
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.coldState().value = v
}

// box returns where to keep v, which is nowhere if it is nil.
func box(v any) *any {
	if v == nil {
		return nil
	}
	return &v
}

// Value returns what [Conn.SetValue] has set last, and nil if that was nothing.
func (c *Conn) Value() any {
	if d := c.driven(); d != nil {
		if v := d.value.Load(); v != nil {
			return *v
		}
		return nil
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.cold == nil {
		return nil
	}
	return c.cold.value
}
