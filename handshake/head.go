package handshake

import (
	"net/http"
	"strings"
)

// head is what a handshake looks at in a request, wherever that comes from.
type head struct {
	fields
	method       string
	major, minor int    // of HTTP
	host         string // from Host or :authority
	tls          bool
	body         bool          // there is one, or is to be
	request      *http.Request // for hooks
}

// fields are header fields by their name: all values, or nil if there are none.
type fields interface{ values(n fieldName) []string }

// fieldName is a header field that a handshake looks at.
type fieldName int

const (
	hostName fieldName = iota
	connectionName
	upgradeName
	keyName
	versionName
	protocolName
	extensionsName
	originName
	contentLengthName
	transferEncodingName
	fieldNames // how many there are
)

// usual are the names as most clients write them.
var usual = [fieldNames]string{
	"Host", "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
	"Origin", "Content-Length", "Transfer-Encoding",
}

// canonical are the names in the spelling of http.Header's keys.
var canonical = func() (names [fieldNames]string) {
	for n, name := range usual {
		names[n] = http.CanonicalHeaderKey(name)
	}
	return names
}()

// nameOf returns which field it is that has this name, or ok is false if a handshake does not look at it.
func nameOf[T string | []byte](name T) (n fieldName, ok bool) {
	for n, known := range usual {
		if len(name) == len(known) && (string(name) == known || strings.EqualFold(string(name), known)) {
			return fieldName(n), true
		}
	}
	return 0, false
}

// header is http.Header as fields.
type header http.Header

func (h header) values(n fieldName) []string {
	v, ok := h[canonical[n]]
	if ok && v == nil { // by a program: then the field is there, and nothing in it
		v = []string{}
	}
	return v
}

// headOf returns what is looked at in a request that net/http or [RequestParser.Parse] has read.
func headOf(r *http.Request) head {
	return head{
		fields: header(r.Header), method: r.Method, major: r.ProtoMajor, minor: r.ProtoMinor, host: r.Host, tls: r.TLS != nil,
		body: r.ContentLength != 0 || len(r.TransferEncoding) != 0, request: r,
	}
}

// lastFields are the fields of one request after the other. A value that is the same as in the request before takes no new memory:
// most clients of a server say the same, except for the key.
type lastFields struct {
	now  [fieldNames][]string
	last [fieldNames]string // the first value
}

const (
	maxLast       = 256 // bytes of a value that is remembered
	maxLastValues = 4   // of a field whose memory is kept
)

func (f *lastFields) values(n fieldName) []string {
	if len(f.now[n]) == 0 {
		return nil
	}
	return f.now[n]
}

func (f *lastFields) add(n fieldName, value []byte) {
	s := f.last[n]
	if s != string(value) {
		s = string(value)
		if len(f.now[n]) == 0 && len(s) <= maxLast {
			f.last[n] = s
		}
	}
	f.now[n] = append(f.now[n], s)
}

// reset begins the next request.
func (f *lastFields) reset() {
	for n, values := range f.now {
		if clear(values); len(values) > maxLastValues {
			values = nil
		}
		f.now[n] = values[:0]
	}
}
