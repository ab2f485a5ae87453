package conn

import (
	"errors"

	"github.com/seed60239977/websocket/frame"
)

// BrowserError is returned in browsers (GOOS=js) for what they do not let programs do. The connection goes on as before.
// errors.Is(err, errors.ErrUnsupported) is true.
type BrowserError struct {
	What string // what is not possible, as in "send pings and pongs"
}

// Error says what is not possible.
func (e *BrowserError) Error() string { return "websocket: a browser does not let programs " + e.What }

// Is reports whether target is [errors.ErrUnsupported].
func (e *BrowserError) Is(target error) bool { return target == errors.ErrUnsupported }

var (
	errNoPings   = &BrowserError{"send pings and pongs"}
	errCloseCode = &BrowserError{"close with a code other than 1000 and 3000 to 4999"}
)

// uncarried returns why the net.Conn cannot send a control frame, or nil. That is so for a browser's WebSocket, which is no
// stream of bytes and says itself what it carries. code is that of a close frame.
func (c *Conn) uncarried(opcode frame.Opcode, code StatusCode) error {
	nc, some := c.nc.(interface {
		Carries(frame.Opcode, frame.StatusCode) bool
	})
	switch {
	case !some || nc.Carries(opcode, code):
		return nil
	case opcode == frame.Close:
		return errCloseCode
	}
	return errNoPings
}
