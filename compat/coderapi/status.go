package websocket

import (
	"errors"
	"fmt"
	"strconv"
)

// StatusCode says why a connection was closed (RFC 6455, section 7.4). Codes from 3000 to 3999 are for libraries, those from
// 4000 to 4999 for programs.
type StatusCode int

// The status codes of the protocol. StatusNoStatusRcvd, StatusAbnormalClosure and StatusTLSHandshake are never sent.
const (
	StatusNormalClosure           StatusCode = 1000
	StatusGoingAway               StatusCode = 1001
	StatusProtocolError           StatusCode = 1002
	StatusUnsupportedData         StatusCode = 1003
	StatusNoStatusRcvd            StatusCode = 1005 // a close frame without a code
	StatusAbnormalClosure         StatusCode = 1006 // no close frame
	StatusInvalidFramePayloadData StatusCode = 1007
	StatusPolicyViolation         StatusCode = 1008
	StatusMessageTooBig           StatusCode = 1009
	StatusMandatoryExtension      StatusCode = 1010
	StatusInternalError           StatusCode = 1011
	StatusServiceRestart          StatusCode = 1012
	StatusTryAgainLater           StatusCode = 1013
	StatusBadGateway              StatusCode = 1014
	StatusTLSHandshake            StatusCode = 1015 // no TLS
)

var statusNames = map[StatusCode]string{
	StatusNormalClosure:           "StatusNormalClosure",
	StatusGoingAway:               "StatusGoingAway",
	StatusProtocolError:           "StatusProtocolError",
	StatusUnsupportedData:         "StatusUnsupportedData",
	1004:                          "statusReserved",
	StatusNoStatusRcvd:            "StatusNoStatusRcvd",
	StatusAbnormalClosure:         "StatusAbnormalClosure",
	StatusInvalidFramePayloadData: "StatusInvalidFramePayloadData",
	StatusPolicyViolation:         "StatusPolicyViolation",
	StatusMessageTooBig:           "StatusMessageTooBig",
	StatusMandatoryExtension:      "StatusMandatoryExtension",
	StatusInternalError:           "StatusInternalError",
	StatusServiceRestart:          "StatusServiceRestart",
	StatusTryAgainLater:           "StatusTryAgainLater",
	StatusBadGateway:              "StatusBadGateway",
	StatusTLSHandshake:            "StatusTLSHandshake",
}

// String returns the name of the constant.
func (c StatusCode) String() string {
	if name, ok := statusNames[c]; ok {
		return name
	}
	return "StatusCode(" + strconv.Itoa(int(c)) + ")"
}

// CloseError is the peer's close frame. It is in the error of the call that has read it.
type CloseError struct {
	Code   StatusCode
	Reason string
}

// Error says what was in the frame.
func (e CloseError) Error() string {
	return fmt.Sprintf("status = %v and reason = %q", e.Code, e.Reason)
}

// CloseStatus returns the code of the [CloseError] in err's chain, and -1 if there is none.
func CloseStatus(err error) StatusCode {
	var e CloseError
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}
