package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// Read waits for the next message and returns it whole.
//
// If ctx ends first, the connection is closed. The error of a close frame has a [CloseError] in its chain; one from a connection
// that this side has closed is [net.ErrClosed].
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	typ, p, err := c.c.Read(ctx)
	if err != nil {
		return 0, nil, c.messageFailed(ctx, err)
	}
	if p == nil {
		p = []byte{}
	}
	return MessageType(typ), p, nil
}

// Reader waits for the next message and returns a reader for it, which is good until the next call that reads. ctx bounds the
// reader too. What was not read of the message before is dropped. Its errors are those of Read.
func (c *Conn) Reader(ctx context.Context) (MessageType, io.Reader, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	typ, r, err := c.c.Reader(ctx)
	if err != nil {
		return 0, nil, c.readerFailed(ctx, err)
	}
	return MessageType(typ), c.newReader(ctx, r), nil
}

// newReader returns the reader for the message that r gives out.
//
//go:noinline
func (c *Conn) newReader(ctx context.Context, r io.Reader) *messageReader {
	c.reader = messageReader{c: c, ctx: ctx, r: r}
	return &c.reader
}

// beginRead begins a call that reads the next message. It and what follows is not inlined to keep the stack small while a message is
// waited for.
//
//go:noinline
func (c *Conn) beginRead(ctx context.Context) error {
	if c.finished.Load() {
		return getReaderError(c.afterEnd())
	}
	c.keepContext(ctx)
	return nil
}

// messageFailed says why no message is returned.
//
//go:noinline
func (c *Conn) messageFailed(ctx context.Context, err error) error {
	if err = c.readError(ctx, err); errors.Is(err, ErrMessageTooBig) || errors.Is(err, errCut) {
		return fmt.Errorf("failed to read: %w", err)
	}
	return getReaderError(err)
}

// readerFailed says why there is no reader.
//
//go:noinline
func (c *Conn) readerFailed(ctx context.Context, err error) error {
	return getReaderError(c.readError(ctx, err))
}

func getReaderError(err error) error { return fmt.Errorf("failed to get reader: %w", err) }

// messageReader gives out one message.
type messageReader struct {
	c   *Conn
	ctx context.Context
	r   io.Reader
}

func (m *messageReader) Read(p []byte) (int, error) {
	if m.c.finished.Load() && m.c.closing.Load() { // by this side: a close frame of the peer's is told once
		return 0, fmt.Errorf("failed to read: %w", net.ErrClosed)
	}
	n, err := m.r.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, fmt.Errorf("failed to read: %w", m.c.readError(m.ctx, err))
}
