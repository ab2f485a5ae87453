package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/protocol"
)

// ErrMessageTooBig is in the error for a message that is longer than [Conn.SetReadLimit] allows.
var ErrMessageTooBig = errors.New("websocket: message too big")

// The errors of a peer that went away without a close frame: between messages, and in one.
var (
	errEOF = fmt.Errorf("failed to read frame header: %w", io.EOF)
	errCut = fmt.Errorf("failed to read frame payload: %w", io.ErrUnexpectedEOF)
)

// readError says in this package's words why a call that reads has failed. The connection is closed, unless the call was one
// too many.
func (c *Conn) readError(ctx context.Context, err error) error {
	var end *conn.CloseError
	closed := errors.As(err, &end)
	switch {
	case closed && closeCame(end):
		err = received(end)
	case ctx.Err() != nil:
		return c.cutError(ctx)
	case closed && errors.Is(end, conn.ErrCloseTimeout): // this side's Close has given up
		err = net.ErrClosed
	case closed:
		err = c.endError(end)
	default: // somebody else reads
		return err
	}
	c.ended()
	return err
}

// cutError closes the connection because a context has ended while something was read. If the peer's close frame had come by then,
// and only the answer to it was still on its way, or the peer had broken a rule, that says more.
func (c *Conn) cutError(ctx context.Context) error {
	c.flags.Or(cut)
	c.ended()
	end, ok := c.c.Err().(*conn.CloseError)
	switch {
	case ok && closeCame(end):
		return received(end)
	case ok && brokeRule(end):
		return c.endError(end)
	}
	return ctx.Err()
}

// brokeRule reports whether a connection ended because the peer had broken a rule.
func brokeRule(end *conn.CloseError) bool {
	return !closeCame(end) && end.Code != conn.StatusAbnormalClosure
}

// closeCame reports whether the peer's close frame had come before a connection ended: its code is kept where CloseNow, or the time
// that a closing handshake may take, cut the answer.
func closeCame(end *conn.CloseError) bool {
	return end.WasClean || end.Code != conn.StatusAbnormalClosure &&
		(errors.Is(end.Err, conn.ErrClosedNow) || errors.Is(end.Err, conn.ErrCloseTimeout))
}

// received is the error of a close frame.
func received(end *conn.CloseError) error {
	return fmt.Errorf("received close frame: %w", CloseError{Code: StatusCode(end.Code), Reason: end.Reason})
}

// endError says how a connection has ended without a closing handshake.
func (c *Conn) endError(end *conn.CloseError) error {
	switch {
	case errors.Is(end, conn.ErrClosedNow):
		return net.ErrClosed
	case errors.Is(end, conn.ErrMessageTooBig):
		return fmt.Errorf("%w: read limited at %d bytes", ErrMessageTooBig, c.limit.Load()+1)
	case errors.Is(end, protocol.ErrMessageCut):
		return errCut
	case errors.Is(end, protocol.ErrPeerVanished):
		return errEOF
	case errors.Is(end, conn.ErrCloseTimeout):
		return context.DeadlineExceeded
	case end.Code == conn.StatusAbnormalClosure && c.has(cut): // whoever's context that was knows
		return net.ErrClosed
	case end.Code == conn.StatusAbnormalClosure && end.Err != nil:
		return fmt.Errorf("failed to read frame header: %w", end.Err)
	case end.Err != nil:
		return end.Err
	}
	return end
}

// afterEnd is the error of a call that reads after the connection has ended and somebody was told how. Reading the end of the
// stream again gives the end of the stream again, until this side has closed.
func (c *Conn) afterEnd() error {
	var end *conn.CloseError
	if errors.As(c.c.Err(), &end) && !end.WasClean && end.Code == conn.StatusAbnormalClosure && !c.closing.Load() && !c.has(abandoned) {
		if errors.Is(end, protocol.ErrPeerVanished) { // whatever it was in the middle of
			return errEOF
		}
		return c.endError(end)
	}
	return net.ErrClosed
}

// writeError says in this package's words why a message could not be sent. A context that has ended closes the connection,
// unless nothing may have been begun: it had ended before, or has only waited for a writer of somebody else's.
func (c *Conn) writeError(ctx context.Context, err error, notBegun bool) error {
	if e := ctx.Err(); e != nil && errors.Is(err, e) {
		if !notBegun {
			c.ended()
		}
		return e
	}
	return sendError(err)
}

// sendError says in this package's words why something could not be sent.
func sendError(err error) error {
	var end *conn.CloseError
	var refused *conn.WriteError
	switch {
	case errors.Is(err, conn.ErrCloseSent), errors.As(err, &end):
		return net.ErrClosed
	case errors.As(err, &refused):
		return refused.Err
	}
	return err
}
