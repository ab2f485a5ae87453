package conn

// Send queues one message and returns at once. It never blocks, and may be called from any goroutine. data is copied. Messages
// go out in the order in which they were accepted, by Send or by other methods.
//
// Config.SendQueue limits what may wait for a slow peer: if other data is waiting and the message does not fit, Send returns
// [ErrQueueFull]. [Conn.BufferedAmount] returns how much is waiting, and [Conn.Flush] waits for it to be sent. Other errors are
// those of [Conn.Write]; if a write fails after Send has returned, the next call that sends returns the error.
func (c *Conn) Send(typ MessageType, data []byte) error {
	if !typ.Valid() {
		return ErrMessageType
	}
	return c.send(&outgoing{typ: typ, fin: true, payload: data})
}

// send is Send for a message that may be prepared.
func (c *Conn) send(m *outgoing) error {
	err := c.sendNow(m)
	if err != nil {
		c.observeRefusal(err)
	}
	return err
}

// sendNow is send for callers that ignore its result.
func (c *Conn) sendNow(m *outgoing) error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.acceptable(len(m.payload)); err != nil {
		return err
	}
	if err := c.accept(m); err != nil {
		return err
	}
	if !c.cork() {
		c.scheduleFlush(m.fanOut())
	}
	return nil
}

// acceptable returns why n bytes may not be sent without waiting, or nil. The caller holds mu.
func (c *Conn) acceptable(n int) error {
	if err := c.sendable(); err != nil {
		return err
	}
	if waiting := c.buffered(); waiting > 0 && waiting+int64(maxHeader+n) > int64(c.settings.Value().sendQueue) {
		return ErrQueueFull
	}
	return nil
}

// accept queues m, or puts it off until whoever has the turn gives that back. The caller holds mu, which is given up while
// it compresses.
func (c *Conn) accept(m *outgoing) error {
	o := &c.out
	if !o.turn.Held() && !c.packs(m) {
		return c.queue(m)
	}
	if !o.turn.TryLock() {
		c.deferMessage(m)
		return nil
	}
	defer c.endTurn()
	return c.pack(m)
}

// fanOut returns who writes m to several connections, or nil.
func (m *outgoing) fanOut() *fanOut {
	if m.prepared == nil {
		return nil
	}
	return &m.prepared.fanOut
}

// SendPrepared is [Conn.Send] for a prepared message.
func (c *Conn) SendPrepared(p *Prepared) error {
	m := p.outgoing()
	return c.send(&m)
}
