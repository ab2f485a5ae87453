package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// The codes of close frames (RFC 6455, section 11.7).
const (
	CloseNormalClosure           = 1000
	CloseGoingAway               = 1001
	CloseProtocolError           = 1002
	CloseUnsupportedData         = 1003
	CloseNoStatusReceived        = 1005
	CloseAbnormalClosure         = 1006
	CloseInvalidFramePayloadData = 1007
	ClosePolicyViolation         = 1008
	CloseMessageTooBig           = 1009
	CloseMandatoryExtension      = 1010
	CloseInternalServerErr       = 1011
	CloseServiceRestart          = 1012
	CloseTryAgainLater           = 1013
	CloseTLSHandshake            = 1015
)

// ErrBadHandshake is returned by a [Dialer], together with the response, for a response that makes no connection.
var ErrBadHandshake = errors.New("websocket: bad handshake")

// ErrCloseSent is returned for a message after a close message.
var ErrCloseSent = errors.New("websocket: close sent")

// ErrReadLimit is returned for a message that is longer than [Conn.SetReadLimit] allows.
var ErrReadLimit = errors.New("websocket: read limit exceeded")

var (
	errMessageType = errors.New("websocket: bad write message type")
	errWriteClosed = errors.New("websocket: write closed")
	errControl     = errors.New("websocket: invalid control frame")
	errLevel       = errors.New("websocket: invalid compression level")
)

// CloseError is the close frame of the peer's, or the lack of one: then Code is CloseAbnormalClosure.
type CloseError struct {
	Code int    // RFC 6455, section 11.7
	Text string // the reason, or ""
}

// unexpectedEOF returns the error of a peer that went away without a close frame.
func unexpectedEOF() error {
	return &CloseError{Code: CloseAbnormalClosure, Text: io.ErrUnexpectedEOF.Error()}
}

// names are what CloseError.Error calls the codes.
var names = map[int]string{
	CloseNormalClosure:           "normal",
	CloseGoingAway:               "going away",
	CloseProtocolError:           "protocol error",
	CloseUnsupportedData:         "unsupported data",
	CloseNoStatusReceived:        "no status",
	CloseAbnormalClosure:         "abnormal closure",
	CloseInvalidFramePayloadData: "invalid payload data",
	ClosePolicyViolation:         "policy violation",
	CloseMessageTooBig:           "message too big",
	CloseMandatoryExtension:      "mandatory extension missing",
	CloseInternalServerErr:       "internal server error",
	CloseTLSHandshake:            "TLS handshake error",
}

// Error names the code and the reason.
func (e *CloseError) Error() string {
	s := "websocket: close " + strconv.Itoa(e.Code)
	if name := names[e.Code]; name != "" {
		s += " (" + name + ")"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// IsCloseError reports whether err is a [*CloseError] with one of the codes.
func IsCloseError(err error, codes ...int) bool {
	e, ok := err.(*CloseError)
	return ok && slices.Contains(codes, e.Code)
}

// IsUnexpectedCloseError reports whether err is a [*CloseError] with none of the codes.
func IsUnexpectedCloseError(err error, expectedCodes ...int) bool {
	e, ok := err.(*CloseError)
	return ok && !slices.Contains(expectedCodes, e.Code)
}

// HandshakeError is why an [Upgrader] has refused a request.
type HandshakeError struct{ message string }

// Error says what is wrong with the request.
func (e HandshakeError) Error() string { return e.message }

// timeout is the error of a deadline that has passed, in the words of package net.
func (c *Conn) timeout(op string) error {
	nc := c.c.NetConn()
	e := &net.OpError{Op: op, Err: os.ErrDeadlineExceeded}
	if at := nc.LocalAddr(); at != nil {
		e.Net = at.Network()
		if e.Net != "pipe" { // net.Pipe has no addresses
			e.Source, e.Addr = at, nc.RemoteAddr()
		}
	}
	return networkTimeout{e}
}

// errControlTimeout is the deadline of a WriteControl that has passed. It says that it is temporary, which programs look for, for
// others may still be sent.
var errControlTimeout error = controlTimeout{}

type controlTimeout struct{}

func (controlTimeout) Error() string   { return "websocket: write timeout" }
func (controlTimeout) Timeout() bool   { return true }
func (controlTimeout) Temporary() bool { return true }
func (controlTimeout) Unwrap() error   { return os.ErrDeadlineExceeded }

// networkTimeout is the error of a deadline. It does not say that it is temporary: the error stays.
type networkTimeout struct{ error }

func (networkTimeout) Timeout() bool   { return true }
func (networkTimeout) Temporary() bool { return false }
func (e networkTimeout) Unwrap() error { return e.error }

// permanent takes from an error of the network the promise that trying again may help.
func permanent(err error) error {
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return networkTimeout{err}
	}
	return err
}

// closedError is the error of calls on a connection that [Conn.Close] has closed.
func (c *Conn) closedError(op string) error {
	nc := c.c.NetConn()
	e := &net.OpError{Op: op, Net: "tcp", Source: nc.LocalAddr(), Addr: nc.RemoteAddr(), Err: net.ErrClosed}
	if e.Source != nil {
		e.Net = e.Source.Network()
	}
	return e
}

// readError says in this package's words why reading has ended. It is called by who reads.
func (c *Conn) readError(err error) error {
	end, ended := err.(*conn.CloseError)
	switch {
	case c.failed != nil:
		return c.failed
	case c.peer != nil:
		return c.peer
	case c.closed.Load():
		return c.closedError("read")
	case ended:
		return c.endError(end)
	case isContext(err):
		return c.timeout("read")
	}
	return permanent(err) // a deadline that the program has set on the network itself
}

// endError says how a connection has ended without a close frame of the peer's.
func (c *Conn) endError(end *conn.CloseError) error {
	if end.Code == CloseAbnormalClosure && end.Remote { // by far the most
		return unexpectedEOF()
	}
	err := violation(end)
	switch {
	case err != end:
		return err
	case isContext(end.Err) && c.readBy.Err() != nil: // the network's deadlines do not work, so that it was closed
		return c.timeout("read")
	case end.Err != nil:
		return permanent(end.Err)
	}
	return &CloseError{Code: int(end.Code), Text: end.Reason}
}

// violation says in this package's words which rule the peer broke, if err says that it did.
func violation(err error) error {
	if errors.Is(err, conn.ErrMessageTooBig) {
		return ErrReadLimit
	}
	if broken, ok := errors.AsType[*frame.ProtocolError](err); ok {
		return errors.New("websocket: " + broken.Reason)
	}
	if corrupt, ok := errors.AsType[*deflate.CorruptError](err); ok {
		return corrupt
	}
	return err
}

// isContext reports whether err is that of a context, which stands for a deadline.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// writeError says in this package's words why something could not be sent, and keeps it for all that comes after.
func (c *Conn) writeError(err error) error {
	if err == nil { // by far the most: it must not cost an allocation
		return nil
	}
	return c.writeFailed(err)
}

func (c *Conn) writeFailed(err error) error {
	var refused *conn.WriteError
	var end *conn.CloseError
	switch {
	case errors.Is(err, conn.ErrCloseSent), c.closeSent.Load():
		err = ErrCloseSent
	case c.closed.Load() && errors.As(err, &end):
		err = c.sendAfterEnd(end)
	case c.closed.Load():
		err = c.closedError("write")
	case errors.As(err, &refused): // by the network, whose error may be any
		err = permanent(refused.Err)
	case errors.As(err, &end) && c.writeBy.fixed().Err() == nil: // else the network may have been closed because of that
		err = c.sendAfterEnd(end)
	case isContext(err):
		err = c.timeout("write")
	case end != nil:
		err = c.sendAfterEnd(end)
	case errors.Is(err, conn.ErrWriterClosed):
		return errWriteClosed
	case errors.Is(err, conn.ErrMessageType):
		return errMessageType
	}
	c.writeFailure.CompareAndSwap(nil, &err)
	return err
}

// sendAfterEnd is the error of sending on a connection that has ended.
func (c *Conn) sendAfterEnd(end *conn.CloseError) error {
	if end.WasClean || violation(end) != error(end) { // the peer broke a rule, and was told
		return ErrCloseSent
	}
	return c.closedError("write") // whatever has ended reading
}
