package load

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// messages makes the messages of connections. It may be used by any number of goroutines.
type messages struct {
	parts []part
	fixed []byte // in place of parts, if all messages are the same
}

// part is a piece of a message: bytes, or a number that has a name.
type part struct {
	literal []byte
	name    string
	width   int // of the number in bytes, the most significant first; 0 is in decimal digits
}

// sized makes messages of a size.
func sized(n int) *messages {
	const letters = "abcdefghijklmnopqrstuvwxyz012345"
	return &messages{fixed: []byte(strings.Repeat(letters, n/len(letters)+1)[:n])}
}

// parseTemplate reads a template, which the flag has.
func parseTemplate(flag, text string) (*messages, error) {
	m := &messages{}
	for {
		literal, after, found := strings.Cut(text, "{{")
		m.parts = append(m.parts, part{literal: []byte(literal)})
		if !found {
			return m.simplify(), nil
		}
		name, behind, closed := strings.Cut(after, "}}")
		if !closed {
			return nil, cli.Usage("}} behind the name", "{{ is not closed in %s", flag)
		}
		p, ok := parsePart(strings.TrimSpace(name))
		if !ok {
			return nil, cli.Usage("{{conn}}, {{seq}}, {{time}} or {{rand}}; {{seq:4}} for four bytes, {{0x01ff}} for these two", "%s knows no {{%s}}", flag, name)
		}
		m.parts = append(m.parts, p)
		text = behind
	}
}

// parsePart reads what stands between braces.
func parsePart(text string) (p part, ok bool) {
	if digits, isHex := strings.CutPrefix(text, "0x"); isHex {
		b, err := hex.DecodeString(digits)
		return part{literal: b}, err == nil && len(b) > 0
	}
	name, width, wide := strings.Cut(text, ":")
	if p.name = name; wide {
		n, err := strconv.Atoi(width)
		if err != nil || n < 1 || n > 8 {
			return p, false
		}
		p.width = n
	}
	return p, name == "conn" || name == "seq" || name == "time" || name == "rand"
}

// simplify makes the message once if all are the same.
func (m *messages) simplify() *messages {
	for _, p := range m.parts {
		if p.name != "" {
			return m
		}
	}
	m.fixed = append([]byte{}, m.message(0, 0)...)
	return m
}

// message returns the message with this number, from 0, of a connection. It must not be changed.
func (m *messages) message(conn, seq int) []byte {
	if m.fixed != nil {
		return m.fixed
	}
	var b []byte
	for _, p := range m.parts {
		switch p.name {
		case "":
			b = append(b, p.literal...)
		case "conn":
			b = p.number(b, uint64(conn))
		case "seq":
			b = p.number(b, uint64(seq))
		case "time":
			b = p.number(b, uint64(time.Now().UnixMilli()))
		case "rand":
			b = p.number(b, p.random())
		}
	}
	return b
}

// number appends a number.
func (p part) number(b []byte, n uint64) []byte {
	if p.width == 0 {
		return strconv.AppendUint(b, n, 10)
	}
	var whole [8]byte
	binary.BigEndian.PutUint64(whole[:], n)
	return append(b, whole[len(whole)-p.width:]...)
}

// random returns a number that fills the width.
func (p part) random() uint64 {
	if p.width == 0 {
		return uint64(rand.Uint32())
	}
	return rand.Uint64()
}
