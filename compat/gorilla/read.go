package websocket

import (
	"errors"
	"io"

	"github.com/seed60239977/websocket/conn"
)

// maxFailedReads is how often reading may be tried on after it has failed. A program that does it more often is in a loop that
// would never end.
const maxFailedReads = 1000

// NextReader waits for the next message and returns its type and a reader for it, which is good until the next call that
// reads. Once there was an error, it stays; a program that goes on after that is made to panic in the end.
func (c *Conn) NextReader() (messageType int, r io.Reader, err error) {
	c.reader = nil
	if c.readFailure == nil {
		typ, r, err := c.c.Reader(c.readBy.begin())
		if err == nil {
			c.reader, c.parts = &messageReader{c}, r
			return int(typ), c.reader, nil
		}
		if !c.endRead(err) {
			return -1, nil, err
		}
	}
	return -1, nil, c.stillFailed()
}

// ReadMessage waits for the next message and returns it whole. Its errors are those of NextReader.
func (c *Conn) ReadMessage() (messageType int, p []byte, err error) {
	c.reader = nil
	if c.readFailure == nil {
		typ, p, err := c.c.Read(c.readBy.begin())
		if err == nil {
			if p == nil {
				p = []byte{}
			}
			return int(typ), p, nil
		}
		if !c.endRead(err) {
			return -1, nil, err
		}
	}
	return -1, nil, c.stillFailed()
}

// endRead notes why reading has ended. It reports false for an error that is only this call's.
func (c *Conn) endRead(err error) bool {
	if errors.Is(err, conn.ErrConcurrentRead) {
		return false
	}
	c.readFailure = c.readError(err)
	c.readBy.stop()
	if c.closed.Load() {
		c.c.CloseNow() // for Close, if a handler has called it
	}
	return true
}

func (c *Conn) stillFailed() error {
	if c.readsAfter++; c.readsAfter >= maxFailedReads {
		panic("repeated read on failed websocket connection")
	}
	return c.readFailure
}

// messageReader gives out one message. It is no more than a pointer, because one is made for each message: a program may ask that of
// a message before.
type messageReader struct{ c *Conn }

func (m *messageReader) Read(p []byte) (int, error) {
	c := m.c
	if c.reader != m {
		return 0, io.EOF
	}
	if c.readFailure != nil {
		return 0, c.midMessage()
	}
	c.readBy.begin()
	n, err := c.parts.Read(p)
	if err != nil {
		err = m.end(err)
	}
	return n, err
}

// Close does nothing: the next message is read where NextReader is called again. Programs ask whether a reader has it.
func (m *messageReader) Close() error { return nil }

// end notes that err has ended the message, and returns what the program is told. It is not inlined to keep it off the stack
// while Read waits: with little on it, a goroutine waits with the 2 KiB that it began with.
//
//go:noinline
func (m *messageReader) end(err error) error {
	c := m.c
	if err == io.EOF {
		c.reader = nil
	} else if c.endRead(err) {
		return c.midMessage()
	}
	return err
}

// midMessage is readFailure for a message that is not complete: a handler may have returned io.EOF, which would say that it is.
func (c *Conn) midMessage() error {
	if c.readFailure == io.EOF {
		return unexpectedEOF()
	}
	return c.readFailure
}
