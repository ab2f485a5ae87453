package protocol

import (
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/printable"
)

// CloseError says how a connection ended. From then on, every call of a driver returns the same one.
type CloseError struct {
	// Code is the status code of the peer's close frame: 1005 if that had none, 1006 if no close frame arrived. If the peer broke
	// a rule, it is the code that was sent to the peer.
	Code StatusCode
	// Reason is the text that was received, or sent, with Code.
	Reason string
	// Remote reports whether the peer ended the connection: with the first close frame, or by hanging up.
	Remote bool
	// WasClean reports whether the closing handshake was completed, as in a browser's CloseEvent: the peer's close frame arrived,
	// and this end's was sent or the peer had hung up before it could be.
	WasClean bool
	// Err is the cause if there is more to say: a *frame.ProtocolError, [ErrMessageTooBig], [ErrInvalidUTF8], an error
	// of the network or of a context, …
	Err error

	local error // see Closing.Local; nil unless this end has closed
}

// Error says who closed, with which code and reason, and the cause. What has characters that cannot be printed is quoted as in Go:
// a peer cannot write lines of its own into a log.
func (e *CloseError) Error() string {
	who := "closed by this side"
	if e.Remote {
		who = "closed by the peer"
	}
	s := "websocket: " + who + ": " + e.Code.String()
	if e.Reason != "" {
		s += ": " + printable.Line(e.Reason)
	}
	if e.Err != nil && e.Err.Error() != e.Reason {
		s += " (" + printable.Line(e.Err.Error()) + ")"
	}
	return s
}

// Unwrap returns the cause, which may be nil.
func (e *CloseError) Unwrap() error { return e.Err }

// Is makes the error match what a driver says of connections that this end has closed: net.ErrClosed.
func (e *CloseError) Is(target error) bool { return e.local != nil && target == e.local }

// abnormal returns the end of a connection without a close frame (§7.1.5).
func abnormal(cause error) *CloseError {
	return &CloseError{Code: frame.StatusAbnormalClosure, Err: cause}
}
