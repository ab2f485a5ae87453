package bridge

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/seed60239977/websocket"
)

// result is how one direction has ended.
type result struct {
	from int // the index of the end that was read
	err  error
}

// join copies in both directions until both have ended, or one of the ends is broken. It closes both ends, and returns what was
// broken.
func (o *options) join(ctx context.Context, near, far end) error {
	a, okA := near.(*socket)
	b, okB := far.(*socket)
	if okA && okB {
		return relay(ctx, a.c, b.c)
	}
	for _, s := range []*socket{a, b} {
		if s != nil { // the timer is there before anybody uses it, and does not run
			s.idle = time.AfterFunc(time.Hour, func() { s.c.Close(websocket.StatusNormalClosure, "") })
			s.idle.Stop()
			defer s.idle.Stop()
		}
	}
	ends := [2]end{near, far}
	results := make(chan result, 2)
	for i := range ends {
		go func() { results <- result{i, pump(ends[i], ends[1-i])} }()
	}
	err := o.await(ctx, ends, results)
	for i := range ends {
		ends[i].Close(err)
	}
	return err
}

// await waits for the end of both directions, and sees to it that no direction waits for ever after the other has ended for
// good. A read of standard input may still be under way afterwards.
func (o *options) await(ctx context.Context, ends [2]end, results <-chan result) error {
	var first, second result
	select {
	case first = <-results:
	case <-ctx.Done():
		return o.abandon(ends, context.Canceled, results, 0, 1)
	}
	if first.err == nil { // one direction has ended, the other one goes on
		select {
		case second = <-results:
			if second.err == nil || errors.Is(second.err, errEnded) {
				return nil
			}
			return second.err
		case <-ends[first.from].Ended():
			s := ends[first.from].(*socket)
			first.err = s.ended(s.c.Err())
		case <-ctx.Done():
			return o.abandon(ends, context.Canceled, results, 1-first.from)
		}
	}
	other := ends[1-first.from]
	if !errors.Is(first.err, errEnded) {
		return o.abandon(ends, first.err, results, 1-first.from)
	}
	// All that the socket had to say was passed on. What the other end still says has nowhere to go.
	_ = other.CloseWrite()
	other.Drain(o.linger)
	return o.abandon(ends, nil, results, 1-first.from)
}

// abandon closes both ends, and waits for the directions that are left: those that read from the ends of these numbers.
func (o *options) abandon(ends [2]end, err error, results <-chan result, left ...int) error {
	for _, e := range ends {
		e.Close(err)
	}
	if _, ok := ends[left[0]].(*stdio); ok {
		left = left[1:] // its read ends with the process
	} else if _, ok := ends[left[len(left)-1]].(*stdio); ok {
		left = left[:len(left)-1]
	}
	for range left {
		<-results
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// pump copies from one end to the other one, and passes the end on.
func pump(from, to end) error {
	var err error
	if s, ok := to.(*socket); ok {
		_, err = s.ReadFrom(from)
	} else {
		// The types are hidden, so that the kernel's ways of copying do not get in between.
		_, err = io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
	}
	if err != nil {
		return err
	}
	return to.CloseWrite()
}

// relay passes messages on as they are, in both directions, and how the connections are closed.
func relay(ctx context.Context, a, b *websocket.Conn) error {
	stop := context.AfterFunc(ctx, func() {
		_ = a.SendClose(websocket.StatusGoingAway, "")
		_ = b.SendClose(websocket.StatusGoingAway, "")
	})
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- passOn(a, b) }()
	go func() { ended <- passOn(b, a) }()
	err := errors.Join(<-ended, <-ended)
	a.CloseNow()
	b.CloseNow()
	return err
}

// passOn passes messages on until one of the connections ends, and closes the other one as it was. The error is an end that was
// not in good order.
func passOn(from, to *websocket.Conn) error {
	var err error
	for err == nil {
		err = passMessage(from, to)
	}
	var end *websocket.CloseError
	if !errors.As(err, &end) {
		return nil // to takes no more: whoever reads from it sees how it has ended, and closes from
	}
	code, reason := end.Code, end.Reason
	switch code {
	case websocket.StatusNoStatus:
		code = websocket.StatusNormalClosure
	case websocket.StatusAbnormalClosure, websocket.StatusTLSHandshake:
		code, reason = websocket.StatusInternalError, "the connection was lost"
	}
	to.Close(code, reason)                             // which has ended if it was the first of the two
	if goodOrder(end) || end.WasClean && !end.Remote { // the other direction knows why
		return nil
	}
	return err
}

// passMessage passes one message on, piece by piece.
func passMessage(from, to *websocket.Conn) error {
	ctx := context.Background()
	typ, r, err := from.Reader(ctx)
	if err != nil {
		return err
	}
	w, err := to.Writer(ctx, typ)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}
