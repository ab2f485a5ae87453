package frame

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// StatusCode says why a connection is closed (§7.4).
type StatusCode uint16

// The status codes of §7.4.1 and of the registry of §11.7. Those marked "local" are never sent.
const (
	StatusNormalClosure      StatusCode = 1000 // the purpose of the connection is fulfilled
	StatusGoingAway          StatusCode = 1001 // a server shuts down, or a browser leaves the page
	StatusProtocolError      StatusCode = 1002 // the peer broke the protocol
	StatusUnsupportedData    StatusCode = 1003 // a type of data that cannot be accepted
	StatusNoStatus           StatusCode = 1005 // local: the close frame had no status code
	StatusAbnormalClosure    StatusCode = 1006 // local: the connection ended without a close frame
	StatusInvalidPayload     StatusCode = 1007 // data that does not fit its type, such as text that is not UTF-8
	StatusPolicyViolation    StatusCode = 1008 // a message against the receiver's policy
	StatusMessageTooBig      StatusCode = 1009 // a message too big to process
	StatusMandatoryExtension StatusCode = 1010 // the server did not agree to an extension the client needs
	StatusInternalError      StatusCode = 1011 // an unexpected condition
	StatusServiceRestart     StatusCode = 1012 // the service restarts; come back after a random delay
	StatusTryAgainLater      StatusCode = 1013 // the service is overloaded
	StatusBadGateway         StatusCode = 1014 // an upstream server gave an invalid response
	StatusTLSHandshake       StatusCode = 1015 // local: the TLS handshake failed
)

// name returns the registered meaning of c, or "".
func (c StatusCode) name() string {
	switch c {
	case StatusNormalClosure:
		return "normal closure"
	case StatusGoingAway:
		return "going away"
	case StatusProtocolError:
		return "protocol error"
	case StatusUnsupportedData:
		return "unsupported data"
	case StatusNoStatus:
		return "no status received"
	case StatusAbnormalClosure:
		return "abnormal closure"
	case StatusInvalidPayload:
		return "invalid payload data"
	case StatusPolicyViolation:
		return "policy violation"
	case StatusMessageTooBig:
		return "message too big"
	case StatusMandatoryExtension:
		return "mandatory extension"
	case StatusInternalError:
		return "internal error"
	case StatusServiceRestart:
		return "service restart"
	case StatusTryAgainLater:
		return "try again later"
	case StatusBadGateway:
		return "bad gateway"
	case StatusTLSHandshake:
		return "TLS handshake"
	}
	return ""
}

// String returns the number and, if the code has a registered meaning, its name.
func (c StatusCode) String() string {
	number := strconv.FormatUint(uint64(c), 10)
	if name := c.name(); name != "" {
		return number + " " + name
	}
	return number
}

// ValidOnWire reports whether a close frame may carry c: 1000–1003 and 1007–1014 as registered, 3000–3999 for
// libraries and frameworks, 4000–4999 for private use (§7.4.1, §7.4.2).
func (c StatusCode) ValidOnWire() bool {
	return c >= StatusNormalClosure && c <= StatusUnsupportedData ||
		c >= StatusInvalidPayload && c <= StatusBadGateway ||
		c >= 3000 && c <= 4999
}

// MaxCloseReason is the length of the longest close reason in bytes: a control frame's payload minus the status code.
const MaxCloseReason = MaxControlPayload - 2

// AppendClose adds the body of a close frame to dst and returns the extended slice. [StatusNoStatus] with an empty
// reason makes an empty body (§5.5.1). The error is a [*ProtocolError] and dst is returned unchanged if the code must
// not be sent, the reason is longer than [MaxCloseReason] bytes or not UTF-8, or a reason comes without a code.
func AppendClose(dst []byte, code StatusCode, reason string) ([]byte, error) {
	if err := CheckClose(code, reason); err != nil || code == StatusNoStatus {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...), nil
}

// CheckClose returns the error with which [AppendClose] would refuse code and reason, or nil.
func CheckClose(code StatusCode, reason string) error {
	switch {
	case code == StatusNoStatus && reason == "":
		return nil
	case code == StatusNoStatus:
		return errReasonNoCode
	case !code.ValidOnWire():
		return errCloseCode
	case len(reason) > MaxCloseReason:
		return errReasonTooLong
	case !utf8.ValidString(reason):
		return errReasonUTF8
	}
	return nil
}

// ParseClose reads the body of a close frame. An empty body gives [StatusNoStatus]. The error is a [*ProtocolError]
// with status code 1002 for a body of one byte or a code that must not be sent, and 1007 for a reason that is not
// UTF-8 (§5.5.1, §7.4). It does not check the length of body, which
// [Checker] has done with the header. body is not kept.
func ParseClose(body []byte) (code StatusCode, reason string, err error) {
	switch len(body) {
	case 0:
		return StatusNoStatus, "", nil
	case 1:
		return 0, "", errCloseBodyLength
	}
	code = StatusCode(binary.BigEndian.Uint16(body))
	if !code.ValidOnWire() {
		return 0, "", errCloseCode
	}
	if !utf8.Valid(body[2:]) {
		return 0, "", errReasonUTF8
	}
	return code, string(body[2:]), nil
}
