package websocket

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

// WriteControl sends a close, ping or pong message of up to 125 bytes, and returns when it is on the wire or the deadline has
// passed; the zero time is none. It may be called from any goroutine, also while a message is being written. In a handler it
// does not wait. What may not travel in a close frame is replaced as [conn.Conn.Close] does.
func (c *Conn) WriteControl(messageType int, data []byte, deadline time.Time) error {
	switch {
	case !isControl(messageType):
		return errMessageType
	case len(data) > frame.MaxControlPayload:
		return errControl
	case !deadline.IsZero() && time.Until(deadline) <= 0:
		return errControlTimeout
	}
	if err := c.mayWrite(); err != nil {
		return err
	}
	if err := c.sendControl(messageType, data); err != nil {
		return err
	}
	if c.handling.Load() {
		return nil
	}
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, deadline)
	}
	defer cancel()
	err := c.c.Flush(ctx)
	var end *conn.CloseError
	switch {
	case err == nil, messageType == CloseMessage && errors.As(err, &end) && end.WasClean: // the answer was quick
		if messageType == CloseMessage {
			c.closeSent.Store(true)
		}
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return errControlTimeout
	}
	return c.writeError(err)
}

// sendControl queues a control frame.
func (c *Conn) sendControl(messageType int, data []byte) (err error) {
	if c.handling.Load() {
		c.owe()
	}
	switch messageType {
	case PingMessage:
		err = c.c.SendPing(data)
	case PongMessage:
		err = c.c.SendPong(data)
	default:
		code, reason, _ := protocol.FitClose(closePayload(data))
		if err = c.c.SendClose(code, reason); err == nil && c.handling.Load() {
			c.closeSent.Store(true) // else once it is on the wire
		}
	}
	if errors.Is(err, conn.ErrQueueFull) {
		return errControlTimeout
	}
	return c.writeError(err)
}

// owe notes that a handler sends something, which the network may take a moment later.
func (c *Conn) owe() { c.owes.Store(time.Now().Add(answerTimeout).UnixNano()) }

// closePayload takes apart what FormatCloseMessage has put together.
func closePayload(data []byte) (conn.StatusCode, string) {
	if len(data) < 2 {
		return conn.StatusNoStatus, ""
	}
	return conn.StatusCode(binary.BigEndian.Uint16(data)), string(data[2:])
}

func isControl(messageType int) bool {
	return messageType == CloseMessage || messageType == PingMessage || messageType == PongMessage
}

// handle runs a handler. Its error ends reading at once: the call that reads does not wait for the peer's answer.
func (c *Conn) handle(h func() error) error {
	c.handling.Store(true)
	defer c.handling.Store(false)
	err := h()
	c.readBy.begin() // again: it may have moved the deadline, even one that has passed
	if err != nil {
		c.failed = err
	}
	return err
}

func (c *Conn) onPing(_ *conn.Conn, payload []byte) (answer bool, err error) {
	if c.handlePing == nil {
		c.owe()
		return c.canAnswer()
	}
	return false, c.handle(func() error { return c.handlePing(string(payload)) })
}

// canAnswer says whether the default handler may answer a ping. A program that writes with deadlines, one of which has passed, learns
// of that here, too: it may have nobody who looks at what writing returns.
func (c *Conn) canAnswer() (bool, error) {
	if failure := c.writeFailure.Load(); failure != nil {
		var ne net.Error
		if errors.As(*failure, &ne) && ne.Timeout() {
			c.failed = *failure
			return false, *failure
		}
	}
	return true, nil
}

func (c *Conn) onPong(_ *conn.Conn, payload []byte) error {
	if c.handlePong == nil {
		return nil
	}
	return c.handle(func() error { return c.handlePong(string(payload)) })
}

func (c *Conn) onClose(_ *conn.Conn, code conn.StatusCode, reason string) (conn.StatusCode, string, error) {
	var err error
	if c.handleClose != nil {
		err = c.handle(func() error { return c.handleClose(int(code), reason) })
	}
	if err == nil {
		c.peer = &CloseError{Code: int(code), Text: reason}
		c.closeSent.Store(true)
	}
	return code, "", err
}

// PingHandler returns the handler for pings.
func (c *Conn) PingHandler() func(appData string) error {
	if c.handlePing != nil {
		return c.handlePing
	}
	return func(appData string) error {
		err := c.WriteControl(PongMessage, []byte(appData), time.Now().Add(answerTimeout))
		var ne net.Error
		if err == ErrCloseSent || errors.As(err, &ne) && ne.Timeout() {
			return nil
		}
		return err
	}
}

// SetPingHandler sets the handler for pings. nil is the default, which sends a pong. Handlers are called on the goroutine that
// reads; an error that they return is what the call that reads returns, and ends the connection.
func (c *Conn) SetPingHandler(h func(appData string) error) { c.handlePing = h }

// PongHandler returns the handler for pongs.
func (c *Conn) PongHandler() func(appData string) error {
	if c.handlePong != nil {
		return c.handlePong
	}
	return func(string) error { return nil }
}

// SetPongHandler sets the handler for pongs. nil is the default, which does nothing. See SetPingHandler.
func (c *Conn) SetPongHandler(h func(appData string) error) { c.handlePong = h }

// CloseHandler returns the handler for close frames.
func (c *Conn) CloseHandler() func(code int, text string) error {
	if c.handleClose != nil {
		return c.handleClose
	}
	return func(code int, _ string) error {
		c.WriteControl(CloseMessage, FormatCloseMessage(code, ""), time.Now().Add(answerTimeout))
		return nil
	}
}

// SetCloseHandler sets the handler for the peer's close frame. nil is the default, which answers with the same code. A handler
// may send another close message; if it sends none, the default's is sent. See SetPingHandler.
func (c *Conn) SetCloseHandler(h func(code int, text string) error) { c.handleClose = h }
