package replay

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
)

// player plays one side on one connection.
type player struct {
	*options
	c    *websocket.Conn
	came <-chan message
	kept []message // that came during a send of -lockstep, for expect
	n    int       // messages that have come and were looked at
}

// all sends what its own side had sent, and waits for the other one's.
func (p *player) all(ctx context.Context, own string, entries []record.Entry) error {
	began := time.Now()
	var first time.Time
	theirs := 0 // messages of the other side in the recording so far
	for _, e := range entries {
		if first.IsZero() {
			first = e.Time
		}
		if !e.IsMessage() {
			continue
		}
		typ, data, err := e.Payload()
		if err != nil {
			return err
		}
		if e.Dir != own {
			theirs++
			if p.lockstep {
				err = p.expect(ctx, typ, data)
			}
		} else {
			if !p.lockstep && p.speed > 0 {
				err = p.until(ctx, began.Add(time.Duration(float64(e.Time.Sub(first))/p.speed)))
			}
			if err == nil {
				err = p.send(ctx, typ, data)
			}
		}
		if err != nil {
			return err
		}
	}
	for !p.lockstep && p.n < theirs {
		if err := p.next(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// send sends a message. What comes meanwhile is taken, so that neither side waits for the other one.
func (p *player) send(ctx context.Context, typ websocket.MessageType, data []byte) error {
	sent := make(chan error, 1)
	go func() { sent <- p.c.Write(ctx, typ, data) }()
	for {
		select {
		case err := <-sent:
			if err != nil && ctx.Err() == nil {
				return p.ended(err)
			}
			return err
		case m := <-p.came:
			if p.lockstep {
				p.kept = append(p.kept, m)
			} else if err := p.take(m); err != nil {
				<-sent
				return err
			}
		}
	}
}

// until takes what comes until a time.
func (p *player) until(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return nil
		case m := <-p.came:
			if err := p.take(m); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expect waits for one message, and compares it if that was asked for.
func (p *player) expect(ctx context.Context, typ websocket.MessageType, data []byte) error {
	return p.next(ctx, func(m message) error {
		if !p.verify || m.typ == typ && bytes.Equal(m.data, data) {
			return nil
		}
		return &cli.Error{
			Err:    fmt.Errorf("message %d differs: it was %v %s, and is %v %s now", p.n, typ, short(data), m.typ, short(m.data)),
			Try:    "-lockstep without -verify, if it may differ",
			Status: cli.StatusFindings,
		}
	})
}

// short is the beginning of a message.
func short(data []byte) string {
	const most = 100
	if len(data) > most {
		return fmt.Sprintf("%q… (%d bytes)", data[:most], len(data))
	}
	return fmt.Sprintf("%q", data)
}

// next waits for one message.
func (p *player) next(ctx context.Context, check func(message) error) error {
	looked := func(m message) error {
		if err := p.take(m); err != nil || check == nil {
			return err
		}
		return check(m)
	}
	if len(p.kept) > 0 {
		m := p.kept[0]
		p.kept = p.kept[1:]
		return looked(m)
	}
	t := time.NewTimer(p.wait)
	defer t.Stop()
	select {
	case m := <-p.came:
		return looked(m)
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return &cli.Error{Err: fmt.Errorf("message %d of the other side did not come", p.n+1), Try: "a longer -w", Status: cli.StatusTimeout}
	}
}

// take counts and prints what has come.
func (p *player) take(m message) error {
	if m.err != nil {
		return p.ended(m.err)
	}
	p.n++
	return p.printMessage(m)
}

// ended is the error of a connection that has ended too early.
func (p *player) ended(err error) error {
	status := cli.CloseStatus(err)
	if status == 0 {
		status = cli.StatusFindings // closed in good order, but it was not over
	}
	return &cli.Error{Err: fmt.Errorf("it was not over: %w", err), Status: status}
}

// close closes the connection, and takes what still comes.
func (p *player) close(code websocket.StatusCode) {
	for _, m := range p.kept {
		if m.err == nil {
			_ = p.printMessage(m) // it is over
		}
	}
	if err := p.c.SendClose(code, ""); err != nil {
		return
	}
	t := time.NewTimer(websocket.DefaultCloseTimeout)
	defer t.Stop()
	for {
		select {
		case m := <-p.came:
			if m.err != nil {
				return
			}
			_ = p.printMessage(m)
		case <-t.C:
			return
		}
	}
}
