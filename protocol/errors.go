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

// What a peer did wrong, besides a *frame.ProtocolError and a *deflate.CorruptError. [Violation] says what it is told.
var (
	// ErrMessageTooBig: a message is longer than Options.ReadLimit. The peer is told with code 1009.
	ErrMessageTooBig = errors.New("websocket: message is longer than the read limit (Config.ReadLimit, SetReadLimit)")
	// ErrTooManyFragments: a message comes in more small frames than Options.MaxFragments. The peer is told with code 1008.
	ErrTooManyFragments = errors.New("websocket: message has too many small fragments (Config.MaxFragments)")
	// ErrInvalidUTF8: a text message is not UTF-8 (§8.1). The peer is told with code 1007.
	ErrInvalidUTF8 = errors.New("websocket: text message is not valid UTF-8")
)

// ErrCloseSent is returned by everything that sends once a close frame has been queued: nothing may follow it (§5.5.1).
var ErrCloseSent = errors.New("websocket: close frame already sent")

// ErrControlTooLong is returned for a ping or a pong of more than 125 bytes (§5.5).
var ErrControlTooLong = errors.New("websocket: payload of a control frame is longer than 125 bytes")

// FitClose returns what comes nearest to code and reason in a close frame, and as a *[frame.ProtocolError] what was wrong with
// them: a reason is cut at a character to 123 bytes, and what is not UTF-8 in it replaced by U+FFFD; with 1005 it is left out; a
// code that may not travel becomes 1011 (§7.4.1).
func FitClose(code StatusCode, reason string) (StatusCode, string, error) {
	_, wrong := frame.AppendClose(nil, code, reason)
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

// Violation returns the status code and the reason to send to a peer for an error of [Receiver.Next] (§7.1.7). An error
// that is none of a peer's gives 1011 and no reason.
func Violation(err error) (StatusCode, string) {
	var broken *frame.ProtocolError
	var corrupt *deflate.CorruptError
	switch {
	case errors.As(err, &broken):
		return broken.Code, broken.Reason
	case errors.Is(err, ErrMessageTooBig):
		return frame.StatusMessageTooBig, "message too big"
	case errors.Is(err, ErrTooManyFragments):
		return frame.StatusPolicyViolation, "too many fragments"
	case errors.As(err, &corrupt):
		return frame.StatusInvalidPayload, "corrupt compressed data"
	case errors.Is(err, ErrInvalidUTF8):
		return frame.StatusInvalidPayload, "text is not UTF-8"
	}
	return frame.StatusInternalError, ""
}
