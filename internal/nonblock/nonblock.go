// Package nonblock is the seam between a connection and an event loop: a network connection that can be read and written
// without waiting. It knows nothing of WebSocket.
package nonblock

import (
	"errors"
	"net"
	"time"
)

// Why reading stops that must not wait. It goes on later from where it was.
var (
	ErrWouldBlock = errors.New("nonblock: nothing more to read now")
	ErrTurnOver   = errors.New("nonblock: others are to have their turn")
)

// Stopped reports whether err is one of these.
func Stopped(err error) bool { return err == ErrWouldBlock || err == ErrTurnOver }

// Conn is a network connection that belongs to an event loop. Its methods may be called from any goroutine, reads one at a
// time and writes one at a time.
type Conn interface {
	net.Conn

	// CloseWrite closes the writing side alone.
	CloseWrite() error

	// TryRead reads at least one byte, or returns an error: io.EOF, or ErrWouldBlock if there is nothing to read now.
	TryRead(p []byte) (int, error)

	// AwaitRead waits until the loop hears that there may be something to read since the last TryRead. It may return too
	// early. The error is net.ErrClosed once the connection is closed.
	AwaitRead() error

	// TryWrite writes as much of p, and then of more, as is possible now, which may be nothing. It returns no ErrWouldBlock.
	TryWrite(p, more []byte) (int, error)

	// AwaitWrite asks the loop to tell the connection, once, that more can be written. It does not wait.
	AwaitWrite()

	// Resume asks the loop to go on with what has arrived. It does not wait.
	Resume()

	// Ended tells the loop that the WebSocket connection has ended. It does not wait.
	Ended()

	// AfterFunc has f called on the loop once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is what a *time.Timer of time.AfterFunc is.
type Timer interface {
	// Stop prevents the call, and reports whether it did.
	Stop() bool
	// Reset has the call made once d has passed from now, instead of before. It reports whether it was still to be made.
	Reset(d time.Duration) bool
}
