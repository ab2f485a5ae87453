package conn

import (
	"context"
	"sync"

	"github.com/seed60239977/websocket/protocol"
)

// A goroutine begins with 2 KiB of stack, and what it has needed once it keeps while it waits for messages: with a million
// connections, a function that is called from deep down now and then costs gigabytes. So what goes deep, but only a few times in
// the life of a connection, is done on another goroutine. That is compression while histories grow: the first 32 KiB of each
// direction.

// historySize is how many bytes a history may come to have.
const historySize = 32 << 10

// freshStack is a piece of work for another goroutine, and what comes out of it. It is pooled, with its functions, because
// making them would take as much of the stack as the work.
type freshStack struct {
	c    *Conn
	done sync.WaitGroup

	next func() // Receiver.Next for what is unread
	ev   protocol.Event
	n    int

	submit   func() // Conn.submit
	ctx      context.Context
	m        outgoing
	accepted bool

	err error // of either
}

var freshStacks sync.Pool

func newFreshStack(c *Conn) *freshStack {
	if s, ok := freshStacks.Get().(*freshStack); ok {
		s.c = c
		return s
	}
	s := &freshStack{c: c}
	s.next = func() {
		defer s.done.Done()
		s.n, s.err = s.c.receiver.Next(s.c.in.unread(), &s.ev)
	}
	s.submit = func() {
		defer s.done.Done()
		s.accepted, s.err = s.c.submit(s.ctx, &s.m)
	}
	return s
}

// release gives s back.
func (s *freshStack) release() {
	s.c, s.ev, s.ctx, s.m, s.err = nil, protocol.Event{}, nil, outgoing{}, nil
	freshStacks.Put(s)
}

// nextOnFreshStack is Receiver.Next for what is unread. The caller holds reading.
func (c *Conn) nextOnFreshStack(part *protocol.Event) (n int, err error) {
	s := newFreshStack(c)
	s.done.Add(1)
	go s.next()
	s.done.Wait()
	*part, n, err = s.ev, s.n, s.err
	s.release()
	c.read.growth -= uint16(min(len(part.Payload), int(c.read.growth)))
	return n, err
}

// submitOnFreshStack is submit.
func (c *Conn) submitOnFreshStack(ctx context.Context, m *outgoing) (accepted bool, err error) {
	s := newFreshStack(c)
	s.ctx, s.m = ctx, *m
	s.m.deep = true
	s.done.Add(1)
	go s.submit()
	s.done.Wait()
	accepted, err = s.accepted, s.err
	s.release()
	return accepted, err
}
