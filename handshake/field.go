package handshake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Names of the header fields that a handshake is made of, in the spelling of http.Header's keys (§11.3).
const (
	keyField        = "Sec-Websocket-Key"
	acceptField     = "Sec-Websocket-Accept"
	versionField    = "Sec-Websocket-Version"
	protocolField   = "Sec-Websocket-Protocol"
	extensionsField = "Sec-Websocket-Extensions"
)

// version is the only protocol version there is (§4.1).
const version = "13"

// maxList is the number of bytes that a list of subprotocols or extensions may take. A browser's takes less than 100.
const maxList = 8 << 10

// checkField reports what is wrong with a header field that is to be sent as it is.
func checkField(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("header field name %q is not a token", name)
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("value of header field %s contains a control character", name)
	}
	return nil
}

// checkHeader reports what is wrong with header fields that a caller wants to have sent along with the handshake.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if Reserved(name) {
			return fmt.Errorf("header field %s belongs to the handshake", name)
		}
		for _, value := range values {
			if err := checkField(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reserved reports whether a header field is none of a caller's business, because the handshake writes it, or because
// it would give a body to a message that has none.
func Reserved(name string) bool {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Trailer", "Te":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// appendHeader appends fields that checkHeader has passed, in the order of their names.
func appendHeader(dst []byte, h http.Header) []byte {
	if len(h) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			dst = appendField(dst, name, value)
		}
	}
	return dst
}

// hasField reports whether h has a field, however its name is written.
func hasField(h http.Header, name string) bool {
	for key := range h {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// DefaultUserAgent is what a client says of itself in User-Agent if its options do not say anything else. There are
// gateways that refuse requests without one.
const DefaultUserAgent = "Go-websocket-client"

// withUserAgent returns h with a User-Agent, or without one if that in h is empty. h is not changed.
func withUserAgent(h http.Header) http.Header {
	all, own := make(http.Header, len(h)+1), false
	for name, values := range h {
		if strings.EqualFold(name, "User-Agent") {
			own = true
			if strings.Join(values, "") == "" {
				continue
			}
		}
		all[name] = values
	}
	if !own {
		all["User-Agent"] = []string{DefaultUserAgent}
	}
	return all
}

// single returns the value of a field that must be there exactly once.
func single(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	return trimOWS(values[0]), true
}

// tooLong reports whether a list takes more than maxList bytes.
func tooLong(values []string) bool {
	n := 0
	for _, v := range values {
		n += len(v)
	}
	return n > maxList
}

// isToken reports whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

func trimOWS(s string) string {
	for s != "" && isOWS(s[0]) {
		s = s[1:]
	}
	for s != "" && isOWS(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// hasToken reports whether a token is in a list, whatever its case.
func hasToken(list []string, token string) bool {
	return len(list) == 1 && list[0] == token || httpguts.HeaderValuesContainsToken(list, token)
}

// equalASCIIFold is strings.EqualFold without the letters beyond ASCII that fold to some within, such as the Kelvin
// sign to k. They take more bytes.
func equalASCIIFold(s, ascii string) bool { return len(s) == len(ascii) && strings.EqualFold(s, ascii) }
