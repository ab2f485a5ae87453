package handshake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/seed60239977/websocket/internal/printable"
)

// Error is a handshake that was refused or has failed.
//
// On a server, Status (4xx or 5xx) and Header are those of the response, and Reason is its body. On a client, Status and
// Header are those of the response of the server, or of a proxy that refused to connect. Status is 0 when no response was
// sent or received: an option or the URL is not valid, or the connection failed.
type Error struct {
	Status int         // HTTP status code, 0 when there is no response
	Header http.Header // header fields of the response, may be nil
	Reason string      // one line, without a trailing newline; safe to show to the peer
	Err    error       // the cause, may be nil; never shown to the peer
}

// Error returns the reason, and the status and the cause if there are any. What has characters that cannot be printed is quoted as
// in Go: a peer cannot write lines of its own into a log.
func (e *Error) Error() string {
	s := "websocket: handshake: " + printable.Line(e.Reason)
	if e.Status != 0 {
		s += " (" + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ")"
	}
	if e.Err != nil {
		s += ": " + printable.Line(e.Err.Error())
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AppendResponse appends the HTTP/1.1 response that refuses a handshake and says that the connection will be closed. Header fields that HTTP does not allow are left out. A Status that is not a final status code is sent
// as 500.
func (e *Error) AppendResponse(dst []byte) []byte {
	status := e.Status
	if status < 200 || status > 999 {
		status = http.StatusInternalServerError
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	dst = append(dst, "\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"X-Content-Type-Options: nosniff\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(e.Reason)+1), 10)
	dst = append(dst, "\r\n"...)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Type", "Content-Length", "Transfer-Encoding", "X-Content-Type-Options":
			continue
		}
		for _, value := range e.Header[name] {
			if checkField(name, value) == nil {
				dst = appendField(dst, name, value)
			}
		}
	}
	dst = append(dst, "\r\n"...)
	dst = append(dst, e.Reason...)
	return append(dst, '\n')
}

// refuse returns an Error for a server's response.
func refuse(status int, format string, args ...any) *Error {
	return &Error{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// invalid returns an Error without a status of its own: for options that are not valid, or for a response.
func invalid(format string, args ...any) *Error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}
