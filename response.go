package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// How much of a response is read.
const (
	maxResponseHeader = 64 << 10 // bytes
	maxResponseBody   = 64 << 10 // bytes
	maxResponses      = 5        // the final one and those with a status 1xx in front of it
)

// responseReader reads the responses of a server or a proxy, and as little as it can behind them.
type responseReader struct {
	limited io.LimitedReader
	br      *bufio.Reader
}

func newResponseReader(r io.Reader) *responseReader {
	rr := &responseReader{limited: io.LimitedReader{R: r}}
	rr.br = bufio.NewReader(&rr.limited)
	return rr
}

// errHeaderTooLong is why a response was not read to its end.
var errHeaderTooLong = errors.New("the header of the response is longer than 64 KiB")

// next reads the final response to a request: 101 or one that is not informational. The body may be read from it until
// next is called again; responses that have none are followed by what comes next on the connection.
func (rr *responseReader) next(sent *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	rr.limited.N = maxResponseHeader
	switch _, err := rr.br.Peek(1); {
	case err == nil:
		gotFirstResponseByte(trace)
	case err != io.EOF: // a bufio.Reader tells it once
		return nil, err
	}
	for range maxResponses {
		resp, err := rr.one(sent)
		switch {
		case err != nil && rr.limited.N <= 0:
			return nil, errHeaderTooLong
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			rr.limited.N = 2 * maxResponseBody // a body may be chunked
			return resp, nil
		case trace != nil && trace.Got1xxResponse != nil:
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("too many informational responses")
}

// one reads a response. "Any response with a 1xx (Informational) […] status code is always terminated by the first empty
// line after the header fields, regardless of the header fields present in the message", and so is "any 2xx (Successful)
// response to a CONNECT request" (RFC 9112 §6.3): net/http would refuse some of these fields.
func (rr *responseReader) one(sent *http.Request) (*http.Response, error) {
	head, err := rr.head()
	if err != nil {
		return nil, err
	}
	switch class := statusClass(head); {
	case class == '1', class == '2' && sent.Method == http.MethodConnect:
		return http.ReadResponse(bufio.NewReader(bytes.NewReader(withoutBodyFields(head))), sent)
	}
	return http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), rr.br)), sent)
}

// head reads up to the empty line behind the header fields, or the first line if that is not of HTTP: then what comes next may be
// long in coming.
func (rr *responseReader) head() (head []byte, err error) {
	for start := 0; ; {
		part, err := rr.br.ReadSlice('\n')
		head = append(head, part...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if start == 0 && !bytes.HasPrefix(head, []byte("HTTP/")) {
			return head, nil
		}
		if line := head[start:]; start > 0 && len(bytes.TrimRight(line, "\r\n")) == 0 {
			return head, nil
		}
		start = len(head)
	}
}

// statusClass returns the first digit of the status code, where net/http will look for it, or 0.
func statusClass(head []byte) byte {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	_, status, _ := bytes.Cut(line, []byte(" "))
	if status = bytes.TrimLeft(status, " "); len(status) == 0 {
		return 0
	}
	return status[0]
}

// withoutBodyFields returns the head of a response without the fields that describe a body.
func withoutBodyFields(head []byte) []byte {
	kept, dropping := make([]byte, 0, len(head)), false
	for line := range bytes.Lines(head) {
		if folded := line[0] == ' ' || line[0] == '\t'; !folded {
			name, _, _ := bytes.Cut(line, []byte(":"))
			dropping = bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("Transfer-Encoding"))
		}
		if !dropping {
			kept = append(kept, line...)
		}
	}
	return kept
}

// rest returns a copy of what has been read behind a response without a body.
func (rr *responseReader) rest() []byte {
	b, _ := rr.br.Peek(rr.br.Buffered())
	return bytes.Clone(b)
}

// keepBody reads what there is of the body of a refusal, so that it can be looked at when the connection is gone. It reports
// whether that was all of it.
func keepBody(resp *http.Response) (whole bool) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBody+1)) // a body that breaks off is better than none
	whole = err == nil && len(b) <= maxResponseBody
	resp.Body = io.NopCloser(bytes.NewReader(b[:min(len(b), maxResponseBody)]))
	return whole
}

// keepArrived keeps of the body what has been read already, and waits for no more.
func (rr *responseReader) keepArrived(resp *http.Response) {
	rr.limited.N = 0
	keepBody(resp)
}
