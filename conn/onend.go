package conn

// endHook is a function that waits for the end of a connection.
type endHook struct {
	f    func()
	next *endHook
}

// OnEnd arranges for f to be called once, when the connection has ended for whatever reason, which [Conn.Err] then returns. If
// it has already ended, OnEnd calls f itself. The returned function cancels that; it reports whether it prevented the call of
// f.
//
// It is like [Conn.Done] without a goroutine that waits, for programs that keep track of many connections. f is called on the
// goroutine that ends the connection, perhaps in the middle of a call that reads or writes. So f must be quick. It must not
// call methods of the connection, except for Err, nor wait for anything that may hold a lock while calling them. That includes
// indirect calls: two connections whose functions end each other with CloseNow wait for each other forever; a relay does that
// on goroutines of its own. Functions are called in no particular order. When they are, Done is closed already, and calls of other
// goroutines, also of Close, may have returned.
func (c *Conn) OnEnd(f func()) (stop func() bool) {
	hook := &endHook{f: f}
	c.out.mu.Lock()
	if c.end.Load() != nil {
		c.out.mu.Unlock()
		f()
		return func() bool { return false }
	}
	hook.next = c.hooks
	c.hooks = hook
	c.out.mu.Unlock()
	return func() bool { return c.forget(hook) }
}

// forget takes hook out of the list and reports whether it was there.
func (c *Conn) forget(hook *endHook) bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for at := &c.hooks; *at != nil; at = &(*at).next {
		if *at == hook {
			*at = hook.next
			return true
		}
	}
	return false
}

// call calls every function of a list that was taken.
func (h *endHook) call() {
	for ; h != nil; h = h.next {
		h.f()
	}
}
