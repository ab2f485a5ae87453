package conn

import "sync"

// aside is work that a connection has another goroutine do, and waits for. That is for what needs much of the stack, but
// only a few times, as does allocating memory for a history: it would leave the goroutine that waits for messages with a
// large stack for good. See Conn.awaitMessage.
type aside struct {
	c            *Conn
	done         sync.WaitGroup
	next, encode func() // the work; made once, because a closure for each would be garbage

	// What receiver.next reports and returns.
	event event
	n     int
	err   error

	message outgoing // for Conn.encodeMessage
}

var asides sync.Pool

func newAside(c *Conn) *aside {
	a, ok := asides.Get().(*aside)
	if !ok {
		a = new(aside)
		a.next = func() {
			defer a.done.Done()
			a.n, a.err = a.c.recv.next(a.c.in.unread(), &a.event)
		}
		a.encode = func() {
			defer a.done.Done()
			a.c.encodeMessage(&a.message)
		}
	}
	a.c = c
	return a
}

// do does the work and waits for it.
func (a *aside) do(work func()) {
	a.done.Add(1)
	go work()
	a.done.Wait()
}

func (a *aside) release() {
	a.c, a.event, a.err, a.message = nil, event{}, nil, outgoing{}
	asides.Put(a)
}

// nextAside is receiver.next for what is unread.
func (c *Conn) nextAside(part *event) (n int, err error) {
	a := newAside(c)
	a.do(a.next)
	*part, n, err = a.event, a.n, a.err
	a.release()
	return n, err
}

// encodeAside is encodeMessage.
func (c *Conn) encodeAside(m *outgoing) {
	a := newAside(c)
	a.message = *m
	a.do(a.encode)
	a.release()
}
