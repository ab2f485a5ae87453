package show

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Colours of what stands in JSON, as most programs have them.
const (
	keyColour     = "\x1b[34m"
	stringColour  = "\x1b[32m"
	numberColour  = "\x1b[36m"
	literalColour = "\x1b[33m"
	dim           = "\x1b[2m"
	inColour      = "\x1b[35m"
	errorColour   = "\x1b[31m"
	plain         = "\x1b[0m"
)

// short is how long JSON may be, in bytes, to stay on one line.
const short = 80

// JSON lays out an object or an array of JSON: on one line if it is short, otherwise indented. Numbers, the order of keys and
// keys that come twice stay as they are. ok is false, and text to be shown as it is, if data is anything else.
func JSON(data []byte, colour bool) (text string, ok bool) {
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' || !json.Valid(trimmed) {
		return "", false
	}
	var b bytes.Buffer
	if len(trimmed) <= short && !bytes.ContainsAny(trimmed, "\r\n") {
		b.Write(trimmed)
	} else if err := json.Indent(&b, trimmed, "", "  "); err != nil {
		return "", false
	}
	if !colour {
		return b.String(), true
	}
	return paint(b.String()), true
}

// paint colours valid JSON.
func paint(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		n, colour := token(text)
		if colour == "" {
			b.WriteString(text[:n])
		} else {
			b.WriteString(colour + text[:n] + plain)
		}
		text = text[n:]
	}
	return b.String()
}

// token returns the length and the colour of what text begins with: a string, a number, a literal, or anything up to one of these.
func token(text string) (n int, colour string) {
	switch c := text[0]; {
	case c == '"':
		n = stringLen(text)
		if rest := strings.TrimLeft(text[n:], " \t\r\n"); strings.HasPrefix(rest, ":") {
			return n, keyColour
		}
		return n, stringColour
	case c == '-' || c >= '0' && c <= '9':
		for n < len(text) && strings.IndexByte("+-.eE0123456789", text[n]) >= 0 {
			n++
		}
		return n, numberColour
	case c >= 'a' && c <= 'z':
		for n < len(text) && text[n] >= 'a' && text[n] <= 'z' {
			n++
		}
		return n, literalColour
	}
	return 1, ""
}

// stringLen is the length of the string that text begins with, quotes included.
func stringLen(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
