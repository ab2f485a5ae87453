package conn

import (
	"errors"
	"net"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

// StatusCode says why a connection was closed (§7.4). The constants are those of package frame.
type StatusCode = frame.StatusCode

// The status codes of §7.4.1 and the registry of §11.7. See package frame for what each means.
const (
	StatusNormalClosure      = frame.StatusNormalClosure
	StatusGoingAway          = frame.StatusGoingAway
	StatusProtocolError      = frame.StatusProtocolError
	StatusUnsupportedData    = frame.StatusUnsupportedData
	StatusNoStatus           = frame.StatusNoStatus
	StatusAbnormalClosure    = frame.StatusAbnormalClosure
	StatusInvalidPayload     = frame.StatusInvalidPayload
	StatusPolicyViolation    = frame.StatusPolicyViolation
	StatusMessageTooBig      = frame.StatusMessageTooBig
	StatusMandatoryExtension = frame.StatusMandatoryExtension
	StatusInternalError      = frame.StatusInternalError
	StatusServiceRestart     = frame.StatusServiceRestart
	StatusTryAgainLater      = frame.StatusTryAgainLater
	StatusBadGateway         = frame.StatusBadGateway
	StatusTLSHandshake       = frame.StatusTLSHandshake
)

// What the peer did to end the connection. errors.Is finds these in the [*CloseError] that every call returns from then on. A
// violation of the protocol itself is a *frame.ProtocolError, and compressed data that cannot be decompressed a
// *deflate.CorruptError (the peer gets code 1007); errors.As finds these.
var (
	// ErrMessageTooBig: a message is longer than Config.ReadLimit. The peer gets code 1009.
	ErrMessageTooBig = protocol.ErrMessageTooBig
	// ErrTooManyFragments: a message has more small frames than Config.MaxFragments. The peer gets code 1008.
	ErrTooManyFragments = protocol.ErrTooManyFragments
	// ErrInvalidUTF8: a text message is not valid UTF-8 (§8.1). The peer gets code 1007.
	ErrInvalidUTF8 = protocol.ErrInvalidUTF8
	// ErrPeerTimeout: nothing arrived from the peer for Config.IdleTimeout. The code is 1006; the peer gets no close frame.
	ErrPeerTimeout = errors.New("websocket: nothing came from the peer for too long (Config.IdleTimeout)")
	// ErrCloseTimeout: the peer did not finish the closing handshake within Config.CloseTimeout.
	ErrCloseTimeout = protocol.ErrCloseTimeout
)

// Mistakes of the caller, and calls made too early. The connection goes on as before.
var (
	// ErrConcurrentRead: another goroutine is reading. A connection has one reader at a time.
	ErrConcurrentRead = errors.New("websocket: another goroutine is reading")
	// ErrQueueFull: Send would have to wait, because the peer is slow.
	ErrQueueFull = errors.New("websocket: send queue is full (Config.SendQueue)")
	// ErrMessageType: the type of an outgoing message is neither Text nor Binary.
	ErrMessageType = errors.New("websocket: message type is neither Text nor Binary")
	// ErrControlTooLong: the payload of a ping or pong is longer than frame.MaxControlPayload, 125 bytes (§5.5).
	ErrControlTooLong = protocol.ErrControlTooLong
	// ErrReaderDone: a reader of a message was used after the connection moved on to another message.
	ErrReaderDone = errors.New("websocket: message reader used after the next message was begun")
	// ErrWriterClosed: a writer of a message was used after Close.
	ErrWriterClosed = errors.New("websocket: message writer used after Close")
)

// ErrCloseSent is returned by all methods that send once a close frame has been sent, which nothing may follow (§5.5.1). Find
// it with errors.Is. If the application closed the connection, errors.Is(err, net.ErrClosed) is true as well.
var ErrCloseSent error = closeSentError{}

// closeSentError is ErrCloseSent. own is set if the application closed, rather than the connection in answer to the peer.
type closeSentError struct{ own bool }

func (closeSentError) Error() string { return protocol.ErrCloseSent.Error() }

func (e closeSentError) Is(target error) bool {
	return target == ErrCloseSent || e.own && target == net.ErrClosed
}

// WriteError is returned by all methods that send, once a write of the net.Conn has failed and until the connection has ended:
// nothing more can be sent. What the peer sent before it went away can still be read, including a close frame that says why;
// see [Conn.Write].
type WriteError struct {
	Err error // what the net.Conn said
}

// Error says what the network did.
func (e *WriteError) Error() string { return "websocket: nothing more can be sent: " + e.Err.Error() }

// Unwrap returns what the net.Conn said.
func (e *WriteError) Unwrap() error { return e.Err }

// ErrClosedNow is the cause, found with errors.Is, if [Conn.CloseNow] ended the connection.
var ErrClosedNow = errors.New("websocket: closed without a closing handshake (CloseNow)")

// ErrNobodyReads is matched, as is the error of the context, by the error of [Conn.Ping] if its context ends while no call
// reads from the connection: the pong may well have arrived.
var ErrNobodyReads = errors.New("websocket: nobody reads from the connection, so no pong is seen")

// CloseError says how a connection ended. From then on, every call returns the same one. See [protocol.CloseError] for its
// fields.
//
// errors.Is(err, net.ErrClosed) is true if this side closed the connection, with [Conn.Close], [Conn.SendClose] or
// [Conn.CloseNow], before it ended in another way. It is false for what the peer or the network did: a close frame, a violation
// of the protocol, a reset, a timeout. [CloseStatus] finds the code in any error.
type CloseError = protocol.CloseError

// CloseStatus returns the Code of the [*CloseError] in err's chain, and 0 if there is none.
func CloseStatus(err error) StatusCode {
	var e *CloseError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
