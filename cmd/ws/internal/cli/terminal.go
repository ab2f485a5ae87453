package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Visible makes control characters visible, so that no server gets to drive a terminal. Tabs and ends of lines stay. So do all
// letters, but not what turns the direction of writing over: that can make text look like another one.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || !drives(r):
			return r
		case r < 0x20:
			return '␀' + r // the control pictures of Unicode
		case r == 0x7f:
			return '␡'
		}
		return unicode.ReplacementChar
	}, text)
}

// Line is Visible for what has to stay on one line, so that no peer gets to write a line that looks like one of ours.
func Line(text string) string { return strings.ReplaceAll(Visible(text), "\n", "␊") }

// drives reports whether r controls a terminal, ends a line or turns the direction of writing over.
func drives(r rune) bool {
	return unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// JSON returns valid JSON with what [Visible] would replace in its strings escaped, so that it is the same for programs, and
// may be looked at on a terminal.
func JSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, func(r rune) bool { return r > 0x20 && drives(r) }) {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		if r > 0x20 && drives(r) { // what is below stands between values
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// Terminal returns the descriptor of a file that is a terminal. v is what stands in an [Env]. The file stays as it is: a read
// of it can be ended by closing it, which [os.File.Fd] would undo.
func Terminal(v any) (f *os.File, fd int, ok bool) {
	f, isFile := v.(*os.File)
	if !isFile {
		return nil, 0, false
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, 0, false
	}
	err = raw.Control(func(d uintptr) { fd, ok = int(d), term.IsTerminal(int(d)) })
	return f, fd, ok && err == nil
}

// Colour reports whether output may be coloured. mode is auto, always or never; auto looks at the output, and at NO_COLOR
// (https://no-color.org) and TERM.
func (e *Env) Colour(mode string) bool {
	if mode != "auto" {
		return mode == "always"
	}
	_, _, ok := Terminal(e.Stdout)
	return ok && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}
