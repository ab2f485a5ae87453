//go:build unix

package e2e

import (
	"fmt"
	"html"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// Size of the terminals of tests.
const terminalRows, terminalColumns = 26, 92

// terminal is a pseudo-terminal, and what can be seen on it: as much of a VT100 as line editing needs.
type terminal struct {
	t    *testing.T
	pty  *os.File
	wait func() error

	mu      sync.Mutex
	changed *sync.Cond
	cells   [][]cell // by row
	x, y    int
	style   string // of what is written now
	rest    string // of a sequence that has not come as a whole
	unknown []string
	ended   bool
}

// cell is one place on the screen.
type cell struct {
	r     rune
	style string
}

// onTerminal runs a program on a terminal until the end of the test.
func onTerminal(t *testing.T, name string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "XDG_STATE_HOME="+t.TempDir())
	p, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: terminalRows, Cols: terminalColumns})
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	require.NoError(t, err)
	x := &terminal{t: t, pty: p, wait: cmd.Wait, cells: [][]cell{nil}}
	x.changed = sync.NewCond(&x.mu)
	var reading sync.WaitGroup
	reading.Go(x.read)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, or the test has failed
		reading.Wait()
		p.Close()
	})
	return x
}

func (x *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := x.pty.Read(buf)
		x.mu.Lock()
		x.write(string(buf[:n]))
		x.ended = err != nil
		x.changed.Broadcast()
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// sequence is a control sequence of a terminal, a control character, or a character.
var sequence = regexp.MustCompile(`^(?:\x1b\[([?0-9;]*)([@-~])|([\x00-\x1a\x1c-\x1f])|([^\x00-\x1f]))`)

// write does what a program has written. The caller holds mu.
func (x *terminal) write(text string) {
	x.rest += text
	for {
		m := sequence.FindStringSubmatch(x.rest)
		if m == nil || !utf8.FullRuneInString(x.rest) { // more is to come
			return
		}
		x.rest = x.rest[len(m[0]):]
		switch {
		case m[2] != "":
			x.control(m[1], m[2])
		case m[3] == "\r":
			x.x = 0
		case m[3] == "\n":
			if x.y++; x.y == len(x.cells) {
				x.cells = append(x.cells, nil)
			}
		case m[4] != "":
			x.put([]rune(m[4])[0])
		}
	}
}

// put writes one character.
func (x *terminal) put(r rune) {
	row := &x.cells[x.y]
	for len(*row) <= x.x {
		*row = append(*row, cell{r: ' '})
	}
	(*row)[x.x] = cell{r, x.style}
	x.x++
}

// control does what a control sequence says.
func (x *terminal) control(args, verb string) {
	n, _ := strconv.Atoi(args) // 0 if there is no number
	switch verb {
	case "m":
		x.style = args
	case "K": // to the end of the line
		x.cells[x.y] = x.cells[x.y][:min(x.x, len(x.cells[x.y]))]
	case "J":
		x.cells = x.cells[:x.y+1]
		x.control("", "K")
	case "A":
		x.y = max(0, x.y-max(1, n))
	case "B":
		x.y = min(len(x.cells)-1, x.y+max(1, n))
	case "C":
		x.x += max(1, n)
	case "D":
		x.x = max(0, x.x-max(1, n))
	case "h", "l": // modes, such as bracketed paste
	default:
		x.unknown = append(x.unknown, args+verb)
	}
}

// text is what can be seen, by line.
func (x *terminal) text() string {
	var b strings.Builder
	for _, row := range x.cells {
		line := make([]rune, 0, len(row))
		for _, c := range row {
			line = append(line, c.r)
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

// shows waits until something that matches a pattern can be seen.
func (x *terminal) shows(pattern string) {
	x.t.Helper()
	want := regexp.MustCompile(pattern)
	x.mu.Lock()
	defer x.mu.Unlock()
	for !want.MatchString(x.text()) {
		require.False(x.t, x.ended, "the program has ended without %s; the terminal shows\n%s", pattern, x.text())
		x.changed.Wait()
	}
}

// enter types a line.
func (x *terminal) enter(line string) {
	x.t.Helper()
	_, err := x.pty.WriteString(line + "\r")
	require.NoError(x.t, err)
}

// styles are the colours of what stands in SGR sequences, on a dark ground.
var styles = map[string]string{
	"2": "opacity:.6", "31": "color:#ff8080", "32": "color:#8ae08a", "33": "color:#e8d070", "34": "color:#80b0ff", "35": "color:#e09cf0", "36": "color:#70d8e0",
}

// page is the screen as a web page.
func (x *terminal) page() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var b strings.Builder
	b.WriteString("<!doctype html><meta charset=utf-8><title>terminal</title><body style='margin:0;background:#16181d;color:#e6e6e6'>" +
		"<pre style='margin:14px;font:13px/1.3 monospace'>")
	for _, row := range x.cells {
		for len(row) > 0 {
			end := slices.IndexFunc(row, func(c cell) bool { return c.style != row[0].style })
			if end < 0 {
				end = len(row)
			}
			var run []rune
			for _, c := range row[:end] {
				run = append(run, c.r)
			}
			fmt.Fprintf(&b, "<span style='%s'>%s</span>", styles[row[0].style], html.EscapeString(string(run)))
			row = row[end:]
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestAPictureOfWSConnect talks to a server as somebody at a terminal does.
func TestAPictureOfWSConnect(t *testing.T) {
	ws := buildWS(t)
	_, addr := listenWS(t, ws, "-exec", `cat`)
	_, bytes := listenWS(t, ws, "-b", "-exec", "cat")

	x := onTerminal(t, ws, "connect", addr)
	x.shows(`connected to ws://`)
	for _, c := range []struct{ line, answer string }{
		{`{"op":"subscribe","topics":["news","weather"]}`, `< \{"op":"subscribe"`},
		{`{"op":"publish","topic":"weather","data":{"city":"Zürich","celsius":-3.5,"alerts":["snow","ice"]}}`, `(?s)"celsius": -3\.5,.*\n {15}\}\n`},
		{"hello", "< hello"},
		{"/ping", `pong after `},
		{"/stats", `(?s)sent 3 messages, \d+ bytes; received 3 messages.*the last ping took`},
	} {
		x.enter(c.line)
		x.shows(c.answer)
	}
	x.picture(t, "connect")
	x.enter("/close 1000 done")
	require.NoError(t, x.wait())
	require.Empty(t, x.unknown)

	x = onTerminal(t, ws, "connect", bytes)
	x.enter("binary")
	x.shows(`00000000  62 69 6e 61 72 79 `)
	x.enter("/close")
	require.NoError(t, x.wait())
}

// picture has Chromium show the screen, and takes a picture of that if it was asked for.
func (x *terminal) picture(t *testing.T, name string) {
	t.Helper()
	page := browse(t, "data:text/html;charset=utf-8,"+url.PathEscape(x.page()))
	shown := evaluate(t, page, "document.querySelector('pre').innerText")
	require.Contains(t, shown, "pong after")
	require.Contains(t, shown, `\"celsius\": -3.5`)
	screenshot(t, page, name)
}
