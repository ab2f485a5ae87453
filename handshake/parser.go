package handshake

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpguts"
)

// MaxRequest is the number of bytes that [RequestParser] takes for a request: 16 KiB.
const MaxRequest = 16 << 10

// RequestParser reads the head of one HTTP/1.1 request from bytes that arrive in pieces of any size. It is far stricter
// than a general HTTP server can afford to be: lines end in CRLF, fields are not folded, Host is there once, a body is
// not announced. The zero value is ready.
//
// A line is judged as soon as it is complete and never looked at again, so that the time it takes is in proportion to
// what has arrived, however it is cut.
type RequestParser struct {
	fields  []field // complete header lines
	begin   int     // where the request line starts
	line    int     // where the current line starts
	scanned int     // no LF before this offset of the current line
	first   requestLine
	last    lastFields // for [Server.Answer]
}

// maxKept is how many header fields memory is kept for.
const maxKept = 64

// field is a header field as offsets into the request.
type field struct{ name, colon, value, end uint16 }

// requestLine is the request line: offsets into the request, and the version of HTTP.
type requestLine struct{ method, target, end, major, minor int }

// Reset prepares p for another request and keeps its memory.
func (p *RequestParser) Reset() {
	p.fields, p.begin, p.line, p.scanned, p.first = p.fields[:0], 0, 0, 0, requestLine{}
	if cap(p.fields) > maxKept {
		p.fields = nil
	}
}

// Parse looks at head, which is everything that has arrived so far: calls for the same request pass the same bytes and
// more. One CRLF in front of the request is skipped. It returns nil and no error while more are needed. Otherwise it returns the
// request, which does not keep head, and the number of bytes that it took; what follows them belongs to the next protocol. The
// request has no body, and its context is ctx. All errors are [*Error], with status 400, 431 for requests of more than
// [MaxRequest] bytes, or 505.
func (p *RequestParser) Parse(ctx context.Context, head []byte) (r *http.Request, n int, err error) {
	n, err = p.scan(head)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	r, err = p.request(ctx, string(head[:n]))
	return r, n, err
}

// scan looks at what has arrived since it was called last. It returns the length of the request once that is complete.
func (p *RequestParser) scan(head []byte) (n int, err error) {
	head = head[:min(len(head), MaxRequest)]
	if !beginsRequest(head) { // a TLS client, say, that would never end its first line
		return 0, refuse(http.StatusBadRequest, "this is not an HTTP request")
	}
	for {
		lf := bytes.IndexByte(head[p.scanned:], '\n')
		if lf < 0 {
			break
		}
		end := p.scanned + lf
		line := head[p.line:end]
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return 0, refuse(http.StatusBadRequest, "a line does not end in CRLF")
		}
		start := p.line
		p.line, p.scanned = end+1, end+1
		switch {
		case start == 0 && len(line) == 1:
			p.begin = p.line
		case start == p.begin:
			err = p.requestLine(line[:len(line)-1])
		case len(line) == 1:
			return p.line, nil
		default:
			err = p.fieldLine(start, line[:len(line)-1])
		}
		if err != nil {
			return 0, err
		}
	}
	p.scanned = len(head)
	if len(head) == MaxRequest {
		return 0, refuse(http.StatusRequestHeaderFieldsTooLarge, "the request is longer than %d bytes", MaxRequest)
	}
	return 0, nil
}

// beginsRequest reports whether head may be the beginning of a request. "A server that is expecting to receive and parse a
// request-line SHOULD ignore at least one empty line (CRLF) received prior to the request-line" (RFC 9112 §2.2): one.
func beginsRequest(head []byte) bool {
	for _, c := range []byte("\r\n") {
		if len(head) == 0 || head[0] != c {
			break
		}
		head = head[1:]
	}
	return len(head) == 0 || isToken(string(head[:1]))
}

// requestLine parses method SP request-target SP HTTP-version (RFC 9112 §3).
func (p *RequestParser) requestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, proto, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || !isToken(string(method)) || len(target) == 0 {
		return refuse(http.StatusBadRequest, "the request line is malformed")
	}
	major, minor, ok := http.ParseHTTPVersion(string(proto))
	switch {
	case !ok:
		return refuse(http.StatusBadRequest, "the request line has no HTTP version")
	case major != 1:
		return refuse(http.StatusHTTPVersionNotSupported, "only HTTP/1.1 is supported here")
	}
	if hasControl(target) || bytes.ContainsAny(target, " \t#") {
		return refuse(http.StatusBadRequest, "the request target is malformed")
	}
	methodEnd := p.begin + len(method)
	p.first = requestLine{methodEnd, methodEnd + 1 + len(target), p.begin + len(line), major, minor}
	return nil
}

// fieldLine parses field-name ":" OWS field-value OWS (RFC 9112 §5), which starts at the given offset.
func (p *RequestParser) fieldLine(start int, line []byte) error {
	if isOWS(line[0]) {
		return refuse(http.StatusBadRequest, "a header field is folded over lines")
	}
	colon := bytes.IndexByte(line, ':')
	// "No whitespace is allowed between the field name and colon": a name with some in it is not a token.
	switch {
	case colon < 0:
		return refuse(http.StatusBadRequest, "a header field has no colon")
	case isToken(string(line[:colon])):
	case bytes.ContainsAny(line[:colon], " \t"):
		return refuse(http.StatusBadRequest, "the name of the header field %.100q contains a space", line[:colon])
	default:
		return refuse(http.StatusBadRequest, "the name of a header field is malformed")
	}
	if hasControl(line[colon+1:]) {
		return refuse(http.StatusBadRequest, "the value of a header field contains a control character")
	}
	value, end := colon+1, len(line)
	for value < end && isOWS(line[value]) {
		value++
	}
	for value < end && isOWS(line[end-1]) {
		end--
	}
	p.fields = append(p.fields, field{uint16(start), uint16(start + colon), uint16(start + value), uint16(start + end)})
	return nil
}

// request builds what the lines say. Its strings are parts of head.
func (p *RequestParser) request(ctx context.Context, head string) (*http.Request, error) {
	r := &http.Request{
		Method:     head[p.begin:p.first.method],
		RequestURI: head[p.first.method+1 : p.first.target],
		Proto:      head[p.first.target+1 : p.first.end],
		ProtoMajor: p.first.major,
		ProtoMinor: p.first.minor,
		Body:       http.NoBody,
	}
	var hosts []string
	r.Header, hosts = p.header(head)
	var err error
	if r.URL, err = parseTarget(r.RequestURI); err != nil {
		return nil, err
	}
	if r.Host, err = hostOf(hosts, r.URL.Host); err != nil {
		return nil, err
	}
	if err := checkLength(header(r.Header)); err != nil {
		return nil, err
	}
	if ctx != context.Background() { // which it has anyway
		r = r.WithContext(ctx)
	}
	return r, nil
}

// header builds the map with one allocation for all values of names that are not repeated. The values of Host are not in it.
func (p *RequestParser) header(head string) (h http.Header, hosts []string) {
	h, values := make(http.Header, max(0, len(p.fields)-1)), make([]string, len(p.fields))
	for i, f := range p.fields {
		name, value := canonicalName(head[f.name:f.colon]), head[f.value:f.end]
		values[i] = value
		first := values[i : i+1 : i+1]
		switch earlier := h[name]; {
		case name == "Host" && hosts == nil:
			hosts = first
		case name == "Host":
			hosts = append(hosts, value)
		case earlier == nil:
			h[name] = first
		default:
			h[name] = append(earlier, value)
		}
	}
	return h, hosts
}

// head returns what a handshake looks at, without making a request. It is valid until the next call, or Reset.
func (p *RequestParser) head(received []byte) (h head, err error) {
	p.last.reset()
	for _, f := range p.fields {
		if n, ok := nameOf(received[f.name:f.colon]); ok {
			p.last.add(n, received[f.value:f.end])
		}
	}
	h.fields, h.major, h.minor = &p.last, p.first.major, p.first.minor
	if h.method = http.MethodGet; string(received[p.begin:p.first.method]) != http.MethodGet {
		h.method = string(received[p.begin:p.first.method])
	}
	host := "" // of the target
	if target := received[p.first.method+1 : p.first.target]; target[0] != '/' || bytes.IndexByte(target, '%') >= 0 {
		u, err := parseTarget(string(target))
		if err != nil {
			return h, err
		}
		host = u.Host
	} // else it is a path, and there is nothing that may be wrong with it
	if h.host, err = hostOf(h.values(hostName), host); err != nil {
		return h, err
	}
	return h, checkLength(h.fields)
}

// checkLength refuses a body. "Content-Length: 0" is what some clients say for none. There is no honest reason for any other.
func checkLength(f fields) error {
	length := f.values(contentLengthName)
	if length != nil && (len(length) != 1 || length[0] != "0") || f.values(transferEncodingName) != nil {
		return refuse(http.StatusBadRequest, "a request for an upgrade has no body")
	}
	return nil
}

// hasControl reports whether there is something in s that may not be part of a field's value (RFC 9110 §5.5).
func hasControl[T string | []byte](s T) bool {
	for ; len(s) >= 8; s = s[8:] {
		if mayHaveControl(uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56) && hasControlByte(s[:8]) {
			return true
		}
	}
	return hasControlByte(s)
}

// mayHaveControl reports whether one of eight bytes is less than a space, or DEL.
func mayHaveControl(eight uint64) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	del := eight ^ 0x7f*each
	return ((eight-' '*each)&^eight|(del-each)&^del)&top != 0
}

func hasControlByte[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// canonicalName is http.CanonicalHeaderKey, which would allocate for the RFC's own spelling of some names.
func canonicalName(name string) string {
	if n, ok := nameOf(name); ok {
		return canonical[n]
	}
	return http.CanonicalHeaderKey(name)
}

// parseTarget takes a request target in origin-form or in absolute-form (RFC 9112 §3.2).
func parseTarget(target string) (*url.URL, error) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Reason: "the request target is malformed", Err: err}
	}
	if target[0] != '/' && (u.Host == "" || u.Opaque != "" || u.User != nil) {
		return nil, refuse(http.StatusBadRequest, "the request target is neither a path nor a URL")
	}
	return u, nil
}

// hostOf returns the host that a request is for. A target in absolute-form overrides Host (§3.2.2), but "a server MUST respond with a
// 400 to any request message that lacks a Host header field and to any that contains more than one Host header field line or a Host
// header field with an invalid field value" (RFC 9112 §3.2).
func hostOf(values []string, target string) (string, error) {
	host, ok := single(values)
	if !ok || !httpguts.ValidHostHeader(host) {
		return "", refuse(http.StatusBadRequest, "there must be one Host, and it must be valid")
	}
	if target != "" {
		host = target
	}
	return host, nil
}
