package cli

import (
	"errors"

	"github.com/seed60239977/websocket"
)

// Statuses is the table of [CloseStatus] and of the constants, as the help shows it.
func Statuses() []Status {
	return []Status{
		{"0", "ended by this program, or closed by the peer with 1000"},
		{"1", "not connected, or input or output failed"},
		{"2", "the command line is wrong"},
		{"3", "closed with a code from 3000 to 3999"},
		{"4", "closed with a code from 4000 to 4999"},
		{"5", "check: a case failed; load: there were errors; replay -verify: the answers differ"},
		{"6", "what was waited for did not come"},
		{"101 … 115", "closed with the code 1001 … 1015, by the peer or because of it; 106 if the connection was lost without a closing handshake"},
	}
}

// CloseStatus is the exit status for an error that ended a connection, and [StatusFailed] for any other one.
func CloseStatus(err error) int {
	var closed *websocket.CloseError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &closed):
		return StatusFailed
	case closed.Code == websocket.StatusNormalClosure, closed.WasClean && !closed.Remote && closed.Err == nil:
		return 0
	case closed.Code >= 3000:
		return int(closed.Code / 1000)
	case closed.Code < 1001 || closed.Code > 1015:
		return 106
	default:
		return int(closed.Code) - 900
	}
}

// Closed returns the error of a connection with the exit status that belongs to it, or nil if that is 0.
func Closed(err error) error {
	status := CloseStatus(err)
	if status == 0 {
		return nil
	}
	return &Error{Err: err, Status: status}
}
