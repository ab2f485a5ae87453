package websocket

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// WriteMessage sends one message of any type and returns when it is on the wire. data is not kept.
func (c *Conn) WriteMessage(messageType int, data []byte) error {
	if err := c.beginWrite(messageType); err != nil {
		return err
	}
	if isControl(messageType) {
		return c.writeControl(messageType, data)
	}
	if err := c.c.Write(c.writeBy.fixed(), conn.MessageType(messageType), data); err != nil {
		return c.writeError(err)
	}
	return nil
}

// NextWriter returns a writer for the next message, which is complete when the writer is closed. The next call that writes a
// message closes it, if it is still open then, also if another goroutine makes that call.
func (c *Conn) NextWriter(messageType int) (io.WriteCloser, error) {
	if err := c.beginWrite(messageType); err != nil {
		return nil, err
	}
	w := &messageWriter{c: c, control: messageType}
	if !isControl(messageType) {
		w.by.d = &c.writeBy
		m, err := c.c.Writer(&w.by, conn.MessageType(messageType))
		if err != nil {
			return nil, c.writeError(err)
		}
		w.m, w.by.begun = m, true
	}
	c.writer.Store(w)
	return w, nil
}

// beginWrite ends the message before, and says why there may be no other.
func (c *Conn) beginWrite(messageType int) error {
	if c.writer.Load() != nil { // seldom
		if last := c.writer.Swap(nil); last != nil {
			last.Close()
		}
	}
	if !isControl(messageType) && messageType != TextMessage && messageType != BinaryMessage {
		return errMessageType
	}
	return c.mayWrite()
}

// mayWrite says why nothing can be written any more, or nil.
func (c *Conn) mayWrite() error {
	if err := c.writeFailure.Load(); err != nil {
		return *err
	}
	c.takeBack()
	return nil
}

// takeBack takes back a deadline for writing that the program has set on the network itself: those of messages are of SetWriteDeadline
// alone. Once the connection has ended, its last words over TLS have a deadline of their own.
func (c *Conn) takeBack() {
	if c.handedOut.Load() { // seldom: this is inlined, and the rest is not
		c.takeBackNow()
	}
}

func (c *Conn) takeBackNow() {
	if c.c.Err() == nil {
		c.c.NetConn().SetWriteDeadline(time.Time{})
	}
}

// writeControl is WriteControl by the deadline of other messages.
func (c *Conn) writeControl(messageType int, data []byte) error {
	if len(data) > 125 {
		return errControl
	}
	if err := c.writeBy.fixed().Err(); err != nil {
		return c.writeError(err)
	}
	if err := c.sendControl(messageType, data); err != nil || c.handling.Load() {
		return err
	}
	err := c.c.Flush(c.writeBy.fixed())
	if messageType == CloseMessage && (err == nil || conn.CloseStatus(err) != 0) { // the answer may have been quick
		c.closeSent.Store(true)
		return nil
	}
	return c.writeError(err)
}

// writerDeadline is the context of a writer: each call has the deadline that is set by then, and beginning a message, which writes
// nothing, has none: Err is nil then, also once Done is closed.
type writerDeadline struct {
	d     *deadline
	begun bool
}

func (w *writerDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
func (w *writerDeadline) Done() <-chan struct{}       { return w.d.fixed().Done() }
func (w *writerDeadline) Value(key any) any           { return w.d.fixed().Value(key) }

func (w *writerDeadline) Err() error {
	if !w.begun {
		return nil
	}
	return w.d.fixed().Err()
}

// messageWriter writes one message.
type messageWriter struct {
	mu      sync.Mutex // guards the rest: the next message closes it, whoever sends that
	c       *Conn
	m       *conn.MessageWriter // nil for a control message
	by      writerDeadline      // of m
	control int
	payload bytes.Buffer // of a control message
	err     error
}

func (w *messageWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	if w.m == nil {
		return w.payload.Write(p)
	}
	w.c.takeBack()
	if n, err = w.m.Write(p); err != nil {
		w.end(w.c.writeError(err))
	}
	return n, w.err
}

// WriteString implements io.StringWriter.
func (w *messageWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w *messageWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.c.writer.CompareAndSwap(w, nil)
	w.err = errWriteClosed
	if w.m != nil {
		w.c.takeBack()
		return w.c.writeError(w.m.Close())
	}
	err := w.c.writeControl(w.control, w.payload.Bytes())
	if err != nil {
		w.err = err
	}
	return err
}

// end ends the message before it is complete.
func (w *messageWriter) end(err error) {
	w.m.Close()
	w.err = err
}
