package frame

// ProtocolError says which rule a peer broke. Compare its fields, not pointers.
type ProtocolError struct {
	Code    StatusCode // what to close the connection with (§7.4.1)
	Section string     // section of RFC 6455, such as "5.2"
	Reason  string     // the broken rule in a few words; fits into a close frame
}

// Error returns the reason and the section.
func (e *ProtocolError) Error() string {
	return "websocket: " + e.Reason + " (RFC 6455 section " + e.Section + ")"
}

func protocolError(section, reason string) *ProtocolError {
	return &ProtocolError{Code: StatusProtocolError, Section: section, Reason: reason}
}

var (
	errLengthNotMinimal = protocolError("5.2", "payload length not in its shortest form")
	errLengthTopBit     = protocolError("5.2", "payload length has its most significant bit set")

	errNotMasked = protocolError("5.1", "frame from a client is not masked")
	errMasked    = protocolError("5.1", "frame from a server is masked")

	errReservedOpcode = protocolError("5.2", "reserved opcode")
	errReservedBits   = protocolError("5.2", "reserved bit set that no extension uses")
	errRSVPlacement   = protocolError("5.2", "extension bit set on a continuation or control frame")

	errControlFragmented = protocolError("5.5", "fragmented control frame")
	errControlTooLong    = protocolError("5.5", "control frame longer than 125 bytes")

	errNothingToContinue = protocolError("5.4", "continuation frame without a message to continue")
	errInterleaved       = protocolError("5.4", "new message before the end of a fragmented one")

	errCloseBodyLength = protocolError("5.5.1", "close body of one byte")
	errCloseCode       = protocolError("7.4", "status code not allowed in a close frame")
	errReasonTooLong   = protocolError("5.5", "close reason longer than 123 bytes")
	errReasonNoCode    = protocolError("5.5.1", "close reason without a status code")
	// The code for bytes that are not the UTF-8 they should be is 1007 (§7.4.1, §8.1).
	errReasonUTF8 = &ProtocolError{Code: StatusInvalidPayload, Section: "5.5.1", Reason: "close reason is not UTF-8"}
)
