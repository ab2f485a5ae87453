package h2stream

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"golang.org/x/net/http2"
)

// ResetError says that the stream was reset: by the peer or, if it broke a rule of HTTP/2, by the HTTP library. A peer
// that goes away resets with the code CANCEL, which stands for a reset of TCP (RFC 8441 §5).
type ResetError struct {
	Code uint32 // of RFC 9113 §7
	Err  error  // what the HTTP library says
}

// Error returns the code and what the HTTP library says.
func (e *ResetError) Error() string {
	return fmt.Sprintf("the stream was reset with code %#x: %v", e.Code, e.Err)
}

// Unwrap returns what the HTTP library says.
func (e *ResetError) Unwrap() error { return e.Err }

// Is makes a reset of the stream one of the network.
func (e *ResetError) Is(target error) bool { return target == syscall.ECONNRESET }

// Timeout implements net.Error.
func (e *ResetError) Timeout() bool { return false }

// Temporary implements net.Error.
func (e *ResetError) Temporary() bool { return false }

// streamFailed makes an error of the HTTP library one of ours.
func streamFailed(err error) error {
	var e http2.StreamError // also that of net/http
	if errors.As(err, &e) {
		return &ResetError{Code: uint32(e.Code), Err: err}
	}
	return err
}

// sendFailed is streamFailed for what must not be taken for an end in good order.
func sendFailed(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return streamFailed(err)
}
