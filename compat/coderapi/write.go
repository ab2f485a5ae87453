package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed60239977/websocket/conn"
)

// Write sends one message in one frame and returns when it is on the wire. p is not kept. If ctx ends meanwhile, the connection
// is closed; if it had ended before, nothing is sent.
func (c *Conn) Write(ctx context.Context, typ MessageType, p []byte) error {
	late := ctx.Err() != nil
	if err := c.c.Write(ctx, conn.MessageType(typ), p); err != nil {
		return fmt.Errorf("failed to write msg: %w", c.writeError(ctx, err, late || c.writers.Load() > 0))
	}
	return nil
}

// Writer returns a writer for the next message, which is complete when the writer is closed. Other messages wait until then. ctx
// bounds the writer too; if it ends during one of its calls, the connection is closed.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	c.writers.Add(1)
	w, err := c.c.Writer(ctx, conn.MessageType(typ))
	if err != nil {
		c.writers.Add(-1)
		return nil, fmt.Errorf("failed to get writer: %w", c.writeError(ctx, err, true))
	}
	return &messageWriter{c: c, ctx: ctx, w: w}, nil
}

// messageWriter writes one message.
type messageWriter struct {
	c      *Conn
	ctx    context.Context
	w      *conn.MessageWriter
	closed bool
}

func (m *messageWriter) Write(p []byte) (int, error) {
	if m.closed {
		return 0, errors.New("cannot use closed writer")
	}
	n, err := m.w.Write(p)
	if err != nil {
		err = fmt.Errorf("failed to write: %w", m.c.writeError(m.ctx, err, false))
	}
	return n, err
}

func (m *messageWriter) Close() error {
	if m.closed {
		return errors.New("failed to close writer: writer already closed")
	}
	m.closed = true
	err := m.w.Close()
	m.c.writers.Add(-1)
	if err != nil {
		return fmt.Errorf("failed to close writer: %w", m.c.writeError(m.ctx, err, false))
	}
	return nil
}
