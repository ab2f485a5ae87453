package protocol

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// StatusCode says why a connection was closed (§7.4). Package frame has the constants and what each means.
type StatusCode = frame.StatusCode

// What a peer did wrong, in addition to *frame.ProtocolError and *deflate.CorruptError. [Violation] returns what to tell the
// peer.
var (
	// ErrMessageTooBig: a message is longer than Options.ReadLimit. The peer gets code 1009.
	ErrMessageTooBig = errors.New("websocket: message is longer than the read limit (Config.ReadLimit, SetReadLimit)")
	// ErrTooManyFragments: a message has more small frames than Options.MaxFragments. The peer gets code 1008.
	ErrTooManyFragments = errors.New("websocket: message has too many small fragments (Config.MaxFragments)")
	// ErrInvalidUTF8: a text message is not valid UTF-8 (§8.1). The peer gets code 1007.
	ErrInvalidUTF8 = errors.New("websocket: text message is not valid UTF-8")
)

// ErrCloseSent is returned by all methods that send once a close frame has been queued, which nothing may follow (§5.5.1).
var ErrCloseSent = errors.New("websocket: close frame already sent")

// ErrControlTooLong is returned for a ping or a pong of more than 125 bytes (§5.5).
var ErrControlTooLong = errors.New("websocket: payload of a control frame is longer than 125 bytes")

// FitClose returns the code and reason closest to those given that are allowed in a close frame, and a *[frame.ProtocolError]
// that says what was wrong with them: a reason is cut between characters to at most 123 bytes, and invalid UTF-8 in it is
// replaced by U+FFFD; with code 1005 the reason is left out; and a code that must not be sent becomes 1011 (§7.4.1).
func FitClose(code StatusCode, reason string) (StatusCode, string, error) {
	wrong := frame.CheckClose(code, reason)
	switch {
	case wrong == nil:
		return code, reason, nil
	case code == frame.StatusNoStatus:
		return code, "", wrong
	case !code.ValidOnWire():
		code = frame.StatusInternalError
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if end := frame.MaxCloseReason; len(reason) > end {
		for !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	return code, reason, wrong
}

// Violation returns the status code and the reason to send to a peer for an error of [Receiver.Next] (§7.1.7). For errors that
// are not the peer's fault, these are 1011 and no reason.
func Violation(err error) (StatusCode, string) {
	var broken *frame.ProtocolError
	var corrupt *deflate.CorruptError
	switch {
	case errors.As(err, &broken):
		return broken.Code, broken.Reason
	case errors.Is(err, ErrMessageTooBig):
		return frame.StatusMessageTooBig, "" // the code says it
	case errors.Is(err, ErrTooManyFragments):
		return frame.StatusPolicyViolation, "too many fragments"
	case errors.As(err, &corrupt):
		return frame.StatusInvalidPayload, "corrupt compressed data"
	case errors.Is(err, ErrInvalidUTF8):
		return frame.StatusInvalidPayload, "text is not UTF-8"
	}
	return frame.StatusInternalError, ""
}
