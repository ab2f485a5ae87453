package deflate

import (
	"fmt"
	"strconv"
)

// The names of the parameters (RFC 7692, section 7.1).
const (
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

// A Parameter is an extension parameter in a Sec-WebSocket-Extensions header (RFC
// 6455, section 9.1). A quoted value has lost its quotes and escapes.
type Parameter struct {
	Name  string // one of the four, or an unknown one
	Value string // empty if there is none
	// HasValue tells "name=" and "name" apart.
	HasValue bool
}

// String returns the parameter as it stands in a header.
func (p Parameter) String() string {
	if p.HasValue {
		return p.Name + "=" + p.Value
	}
	return p.Name
}

// A NegotiationError says why a server's answer does not match the client's offer. The
// client must fail the connection (RFC 7692, section 7.1, RFC 6455, section 9.1).
type NegotiationError struct {
	// Parameter is the parameter at fault, which may be one that is missing. Then it has
	// no value.
	Parameter Parameter
	Reason    string // what is wrong with it
}

// Error says what is wrong.
func (e *NegotiationError) Error() string {
	return fmt.Sprintf("deflate: %s in the answer: %s: %s", ExtensionName, e.Parameter, e.Reason)
}

// Offers returns the parameters of a client's offers in order of preference: what the
// options ask for, and always client_max_window_bits, because this endpoint can compress
// with any window. There are two if the options ask for a small window and do not insist:
// the second one leaves out server_max_window_bits (RFC 7692, section 5.1).
func (o *Options) Offers() [][]Parameter {
	first := o.offer(o.Incoming.windowBits())
	if o.Incoming.windowBits() == maxWindowBits || o.RequireWindow {
		return [][]Parameter{first}
	}
	return [][]Parameter{first, o.offer(maxWindowBits)}
}

// offer returns an offer that asks for incoming window bits.
func (o *Options) offer(incoming int) []Parameter {
	var offer []Parameter
	if o.Incoming.NoContextTakeover {
		offer = append(offer, Parameter{Name: serverNoContextTakeover})
	}
	if o.Outgoing.NoContextTakeover {
		offer = append(offer, Parameter{Name: clientNoContextTakeover})
	}
	if incoming < maxWindowBits {
		offer = append(offer, windowBits(serverMaxWindowBits, incoming))
	}
	if bits := o.Outgoing.windowBits(); bits < maxWindowBits {
		return append(offer, windowBits(clientMaxWindowBits, bits))
	}
	return append(offer, Parameter{Name: clientMaxWindowBits})
}

// Accept is for servers. It decides about one offer of a client, and returns what is
// agreed and the parameters of the answer. It returns false for an offer that is not
// valid: an unknown or repeated parameter, or a value that is not allowed. Then try the
// client's next offer (RFC 7692, section 5.1).
//
// The client gets what it asks of the server. What it hints about itself is accepted,
// because that saves memory here. What the options ask of the client is added as far as
// the RFC allows.
func (o *Options) Accept(offer []Parameter) (Params, []Parameter, bool) {
	asked, err := parse(offer, false)
	if err != nil {
		return Params{}, nil, false
	}
	p := Params{
		ServerNoContextTakeover: asked.serverNoTakeover || o.Outgoing.NoContextTakeover,
		ClientNoContextTakeover: asked.clientNoTakeover || o.Incoming.NoContextTakeover,
		ServerMaxWindowBits:     min(asked.serverBits, o.Outgoing.windowBits()),
		ClientMaxWindowBits:     maxWindowBits,
	}
	// "If a received extension negotiation offer doesn't have the
	// client_max_window_bits extension parameter, the corresponding extension
	// negotiation response to the offer MUST NOT include" it (section 7.1.2.2).
	if asked.hasClientBits {
		p.ClientMaxWindowBits = min(asked.clientBits, o.Incoming.windowBits())
	}
	var answer []Parameter
	if p.ServerNoContextTakeover {
		answer = append(answer, Parameter{Name: serverNoContextTakeover})
	}
	if p.ClientNoContextTakeover {
		answer = append(answer, Parameter{Name: clientNoContextTakeover})
	}
	// "A server accepts an extension negotiation offer with this parameter by including"
	// it (section 7.1.2.1), and may include it unasked.
	if asked.hasServerBits || p.ServerMaxWindowBits < maxWindowBits {
		answer = append(answer, windowBits(serverMaxWindowBits, p.ServerMaxWindowBits))
	}
	if p.ClientMaxWindowBits < maxWindowBits {
		answer = append(answer, windowBits(clientMaxWindowBits, p.ClientMaxWindowBits))
	}
	return p, answer, true
}

// Confirm is for clients. It checks the server's answer to [Options.Offers] and returns
// what is agreed. The error is a [*NegotiationError].
//
// A server need not repeat client_no_context_takeover or the client's window bits: what
// the offer said about the client holds anyway.
func (o *Options) Confirm(answer []Parameter) (Params, error) {
	got, err := parse(answer, true)
	if err != nil {
		return Params{}, err
	}
	incoming, outgoing := o.Incoming.windowBits(), o.Outgoing.windowBits()
	if !o.RequireWindow {
		incoming = maxWindowBits // which the second offer is content with
	}
	switch {
	case o.Incoming.NoContextTakeover && !got.serverNoTakeover:
		return Params{}, &NegotiationError{Parameter{Name: serverNoContextTakeover}, "offered and not answered"}
	case incoming < maxWindowBits && !got.hasServerBits:
		return Params{}, &NegotiationError{Parameter{Name: serverMaxWindowBits}, "offered and not answered"}
	case got.serverBits > incoming:
		return Params{}, &NegotiationError{windowBits(serverMaxWindowBits, got.serverBits), "more than offered"}
	case got.hasClientBits && got.clientBits > outgoing:
		return Params{}, &NegotiationError{windowBits(clientMaxWindowBits, got.clientBits), "more than offered"}
	}
	return Params{
		ServerNoContextTakeover: got.serverNoTakeover,
		ClientNoContextTakeover: got.clientNoTakeover || o.Outgoing.NoContextTakeover,
		ServerMaxWindowBits:     got.serverBits,
		ClientMaxWindowBits:     min(got.clientBits, outgoing),
	}, nil
}

// parsed are the parameters of an offer or an answer. The bits are 15 if they are not
// given.
type parsed struct {
	serverNoTakeover, clientNoTakeover bool
	hasServerBits, hasClientBits       bool
	serverBits, clientBits             int
}

// parse checks the parameters one by one. In an answer client_max_window_bits has a
// value, in an offer it may have one (RFC 7692, section 7.1.2.2).
func parse(parameters []Parameter, answer bool) (parsed, error) {
	got := parsed{serverBits: maxWindowBits, clientBits: maxWindowBits}
	for _, p := range parameters {
		var seen *bool
		var bits *int
		switch p.Name {
		case serverNoContextTakeover:
			seen = &got.serverNoTakeover
		case clientNoContextTakeover:
			seen = &got.clientNoTakeover
		case serverMaxWindowBits:
			seen, bits = &got.hasServerBits, &got.serverBits
		case clientMaxWindowBits:
			seen, bits = &got.hasClientBits, &got.clientBits
		default:
			return got, &NegotiationError{p, "unknown parameter"}
		}
		if *seen {
			return got, &NegotiationError{p, "given twice"}
		}
		*seen = true
		hint := !answer && p.Name == clientMaxWindowBits
		switch {
		case bits == nil && p.HasValue:
			return got, &NegotiationError{p, "takes no value"}
		case bits == nil || hint && !p.HasValue:
		default:
			var ok bool
			if *bits, ok = parseBits(p.Value); !ok {
				return got, &NegotiationError{p, "takes a value from 8 to 15"}
			}
		}
	}
	return got, nil
}

// parseBits parses "a decimal integer value without leading zeroes between 8 to 15,
// inclusive".
func parseBits(s string) (int, bool) {
	switch s {
	case "8", "9":
		return int(s[0] - '0'), true
	case "10", "11", "12", "13", "14", "15":
		return 10 + int(s[1]-'0'), true
	}
	return 0, false
}

func windowBits(name string, bits int) Parameter {
	return Parameter{Name: name, Value: strconv.Itoa(bits), HasValue: true}
}
