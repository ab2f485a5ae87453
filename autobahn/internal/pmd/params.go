package pmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Name is the extension token (RFC 7692 §7).
const Name = "permessage-deflate"

// Params are the parameters of one offer or answer (§7.1). Bits are 0 where the
// parameter is absent.
type Params struct {
	ServerNoTakeover bool
	ClientNoTakeover bool
	ServerBits       int
	ClientBits       int
	// ClientBitsBare is client_max_window_bits without a value (§7.1.2.2), legal
	// in offers alone.
	ClientBitsBare bool
}

// String is p as it stands in a Sec-WebSocket-Extensions header.
func (p Params) String() string {
	parts := []string{Name}
	if p.ClientNoTakeover {
		parts = append(parts, "client_no_context_takeover")
	}
	switch {
	case p.ClientBits > 0:
		parts = append(parts, fmt.Sprintf("client_max_window_bits=%d", p.ClientBits))
	case p.ClientBitsBare:
		parts = append(parts, "client_max_window_bits")
	}
	if p.ServerNoTakeover {
		parts = append(parts, "server_no_context_takeover")
	}
	if p.ServerBits > 0 {
		parts = append(parts, fmt.Sprintf("server_max_window_bits=%d", p.ServerBits))
	}
	return strings.Join(parts, "; ")
}

// ServerWindow is the window of what the server sends, in bytes.
func (p Params) ServerWindow() int { return window(p.ServerBits) }

// ClientWindow is the window of what the client sends, in bytes.
func (p Params) ClientWindow() int { return window(p.ClientBits) }

func window(bits int) int {
	if bits == 0 {
		bits = 15
	}
	return 1 << bits
}

// ErrOther is an extension that is not permessage-deflate.
var ErrOther = errors.New("an extension other than permessage-deflate")

// Parse parses one element of the header. An unknown, repeated or ill-formed
// parameter is an error (§7.1.2, §7.1.3), an unknown extension ErrOther.
func Parse(element string, isAnswer bool) (Params, error) {
	var p Params
	parts := strings.Split(element, ";")
	if !strings.EqualFold(strings.TrimSpace(parts[0]), Name) {
		return p, fmt.Errorf("%w: %q", ErrOther, strings.TrimSpace(parts[0]))
	}
	seen := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, valued := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
		if seen[name] {
			return p, fmt.Errorf("parameter %s repeated", name)
		}
		seen[name] = true
		if err := p.set(name, value, valued, isAnswer); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *Params) set(name, value string, valued, isAnswer bool) (err error) {
	switch name {
	case "server_no_context_takeover":
		p.ServerNoTakeover = true
		return flag(name, valued)
	case "client_no_context_takeover":
		p.ClientNoTakeover = true
		return flag(name, valued)
	case "server_max_window_bits":
		p.ServerBits, err = windowBits(name, value)
		return err
	case "client_max_window_bits":
		if !valued && !isAnswer {
			p.ClientBitsBare = true
			return nil
		}
		p.ClientBits, err = windowBits(name, value)
		return err
	}
	return fmt.Errorf("unknown parameter %q", name)
}

func flag(name string, valued bool) error {
	if valued {
		return fmt.Errorf("parameter %s has a value", name)
	}
	return nil
}

func windowBits(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 8 || n > 15 || value != strconv.Itoa(n) {
		return 0, fmt.Errorf("parameter %s has the illegal value %q", name, value)
	}
	return n, nil
}
