package frame

// Role says whether an endpoint is the server or the client (§1.1).
type Role uint8

// The two roles.
const (
	Server Role = iota
	Client
)

// String returns "server" or "client".
func (r Role) String() string {
	if r == Client {
		return "client"
	}
	return "server"
}

// Masks reports whether an endpoint of this role masks what it sends: "a client MUST mask all frames", "a server MUST
// NOT mask any frames" (§5.1).
func (r Role) Masks() bool { return r == Client }

// Checker checks the rules of §5 that depend on nothing but the headers of one direction of a connection. Give it every
// header that arrives, in order. The zero value checks what a server receives, without extensions.
type Checker struct {
	// Role is the role of the endpoint that receives.
	Role Role
	// Claimed are the bits that negotiated extensions may set on the first frame of a data message, and nowhere else
	// (§5.2; RFC 7692 §6.1).
	Claimed RSV

	inMessage bool
}

// InMessage reports whether a fragmented message has begun and not ended, so that the next data frame must be a
// continuation (§5.4).
func (c *Checker) InMessage() bool { return c.inMessage }

// Check checks whether h may come next. The error is a [*ProtocolError] with status code 1002; the state is then the same
// as before.
func (c *Checker) Check(h *Header) error {
	if h.Opcode.IsReserved() {
		return errReservedOpcode
	}
	if h.RSV != 0 {
		if h.RSV&^c.Claimed != 0 {
			return errReservedBits
		}
		if h.Opcode == Continuation || h.Opcode.IsControl() {
			return errRSVPlacement
		}
	}
	if h.Masked == c.Role.Masks() {
		if h.Masked {
			return errMasked
		}
		return errNotMasked
	}
	if h.Opcode.IsControl() {
		return checkControl(h)
	}
	if (h.Opcode == Continuation) != c.inMessage {
		if c.inMessage {
			return errInterleaved
		}
		return errNothingToContinue
	}
	c.inMessage = !h.Fin
	return nil
}

// checkControl: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented" (§5.5).
func checkControl(h *Header) error {
	if !h.Fin {
		return errControlFragmented
	}
	if h.Length > MaxControlPayload {
		return errControlTooLong
	}
	return nil
}
