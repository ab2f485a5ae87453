package deflate

// ExtensionName is the name under which the extension is negotiated (RFC 7692,
// section 7).
const ExtensionName = "permessage-deflate"

// Params is what both endpoints have agreed to. The zero value is
// what an offer without parameters and an answer without parameters agree to.
type Params struct {
	// ServerNoContextTakeover says that the server compresses each message on its own
	// (RFC 7692, section 7.1.1.1).
	ServerNoContextTakeover bool
	// ClientNoContextTakeover says the same of the client (section 7.1.1.2).
	ClientNoContextTakeover bool
	// ServerMaxWindowBits is the base-2 logarithm of the LZ77 window that the server
	// compresses with, 8 to 15, or 0 for 15 (section 7.1.2.1).
	ServerMaxWindowBits int
	// ClientMaxWindowBits is the same of the client (section 7.1.2.2).
	ClientMaxWindowBits int
}

// outgoing returns how the server or the client compresses.
func (p Params) outgoing(server bool) (bits int, takeover bool) {
	bits, takeover = p.ClientMaxWindowBits, !p.ClientNoContextTakeover
	if server {
		bits, takeover = p.ServerMaxWindowBits, !p.ServerNoContextTakeover
	}
	if bits == 0 {
		bits = maxWindowBits
	}
	return bits, takeover
}
