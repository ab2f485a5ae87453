package event

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
)

// attachGoroutine is Attach where nothing can be driven.
func (l *Loop) attachGoroutine(nc net.Conn, role frame.Role, o *Opening) (*conn.Conn, error) {
	open := conn.Server
	if role == frame.Client {
		open = conn.Client
	}
	c := open(nc, &o.Negotiated, o.Config)
	if !l.enter() {
		c.CloseNow()
		return nil, ErrLoopClosed
	}
	made := false
	defer func() {
		if !made { // a hook of the caller panics
			c.CloseNow()
			l.leave()
		}
	}()
	o.made(c)
	made = true
	l.know(c)
	l.workers.Go(func() { l.serve(o.Context, c, o.Events) })
	return c, nil
}

// Adopt has the loop call e for an existing connection that nobody reads from, on a goroutine that reads from it. The loop owns
// c from the call on, even if Adopt fails; the error is [ErrLoopClosed].
func (l *Loop) Adopt(ctx context.Context, c *conn.Conn, e *Events) error {
	if err := l.adopt(c); err != nil {
		return err
	}
	l.workers.Go(func() { l.serve(ctx, c, e) })
	return nil
}

// Host is Adopt with the calling goroutine: it returns when Events.Close has.
func (l *Loop) Host(ctx context.Context, c *conn.Conn, e *Events) error {
	if err := l.adopt(c); err != nil {
		return err
	}
	l.workers.Add(1)
	defer l.workers.Done()
	l.serve(ctx, c, e)
	return nil
}

// adopt has Shutdown know c and wait for it.
func (l *Loop) adopt(c *conn.Conn) error {
	if !l.enter() {
		c.CloseNow()
		return ErrLoopClosed
	}
	l.know(c)
	return nil
}

// know is the rest of adopt for a connection that is counted.
func (l *Loop) know(c *conn.Conn) {
	l.mu.Lock()
	l.goroutines[c] = struct{}{}
	l.mu.Unlock()
	switch { // since it was counted
	case l.cutting.Load():
		c.CloseNow()
	case l.down.Load():
		c.SendClose(conn.StatusGoingAway, "")
	}
}

// serve is the goroutine of one connection.
func (l *Loop) serve(ctx context.Context, c *conn.Conn, e *Events) {
	defer func() {
		l.mu.Lock()
		delete(l.goroutines, c)
		l.mu.Unlock()
		l.leave()
	}()
	err := l.guarded(c, func() error {
		if e.Open != nil {
			e.Open(ctx, c)
		}
		return c.Serve(context.Background(), func(c *conn.Conn, m conn.Message) error {
			if e.Message == nil {
				return nil
			}
			return e.Message(c, m)
		})
	})
	if c.Err() == nil { // it is an error of Message
		c.Close(conn.StatusInternalError, "")
	}
	c.CloseNow()
	if e.Close != nil {
		l.guarded(c, func() error { e.Close(c, err); return nil })
	}
}

// guarded calls f, and makes an error of a panic, which it logs as net/http does.
func (l *Loop) guarded(c *conn.Conn, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Printf("websocket: panic serving %v: %v\n%s", c.RemoteAddr(), p, debug.Stack())
			err = fmt.Errorf("websocket: panic in a callback: %v", p)
		}
	}()
	return f()
}
