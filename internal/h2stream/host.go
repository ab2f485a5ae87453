package h2stream

import "time"

// The host is the goroutine of a request, which a stream needs for as long as it lives, and which ends it in good order by
// returning.

// LeaveTime is how long a host may stay once its stream is closed.
const LeaveTime = time.Second

// Host calls f, and returns when f has and c is closed, so that nothing of c touches the stream any more: the handler of
// the request may return then, which ends the stream in good order. If f goes on for longer than [LeaveTime] once c is closed,
// the stream is reset, so that the peer need not wait for f. A stream that cannot be reset (Stream.Unending) has f called on
// another goroutine, and Host does not wait for that. If f panics, Host closes c, and then panics in turn. Host is called once.
func (c *Conn) Host(f func()) {
	c.in.mu.Lock()
	c.in.hosted = true
	c.in.mu.Unlock()
	returned := false
	defer func() {
		if !returned { // and perhaps nobody is left who would close it
			c.Close()
		}
		c.leave()
	}()
	if c.stream.Unending {
		go f()
	} else {
		f()
	}
	returned = true
}

// leave is the end of Host.
func (c *Conn) leave() {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for !c.in.left {
		c.in.changed.Wait()
	}
	c.in.hosted = false
	if c.expulsion != nil {
		c.expulsion.Stop()
	}
}

// left is the end of Close, which may have reset the stream: the host is to leave.
func (c *Conn) left(reset bool) {
	c.in.leave()
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.hosted && !reset {
		c.expulsion = time.AfterFunc(LeaveTime, c.expel)
	}
}

// expel resets the stream, unless the host has left.
func (c *Conn) expel() {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.hosted {
		c.stream.Abort() // while the host cannot leave
	}
}
