package connect

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// prompt is a line on a terminal that can be edited while messages appear above it.
type prompt struct {
	t       *term.Terminal
	fd      int
	out     io.Writer
	before  *term.State
	history *history
	resize  func() // ends the watching of the terminal's size
}

// openPrompt takes the terminal over. close gives it back.
func openPrompt(env *cli.Env, historyFile string) (*prompt, error) {
	in, fd, _ := cli.Terminal(env.Stdin)
	_, size, _ := cli.Terminal(env.Stdout)
	h, err := openHistory(historyFile, env.Getenv)
	if err != nil {
		return nil, &cli.Error{Err: err, Try: "-history off, or -history with a file that can be written"}
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	p := &prompt{fd: fd, out: env.Stdout, before: before, history: h}
	p.t = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, env.Stdout}, "> ")
	p.t.History = h
	p.t.AutoCompleteCallback = complete
	p.resize = watchSize(func() {
		if width, height, err := term.GetSize(size); err == nil && width > 0 {
			_ = p.t.SetSize(width, height) // the error is that of the output
		}
	})
	return p, nil
}

// close takes the prompt away and gives the terminal back.
func (p *prompt) close() {
	p.resize()
	_, _ = io.WriteString(p.out, "\r\x1b[K")
	_ = term.Restore(p.fd, p.before)
	p.history.close()
}

// lines returns what is typed. ended is called when there is no more: in raw mode Ctrl-C is a key, and not a signal.
func (p *prompt) lines(ended func()) *input {
	in := &input{entries: make(chan entry), stop: make(chan struct{})}
	go func() {
		defer ended()
		defer close(in.entries)
		for {
			line, err := p.t.ReadLine()
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				return // Ctrl-C, Ctrl-D, or the terminal is gone
			}
			select {
			case in.entries <- entry{data: []byte(line)}:
			case <-in.stop:
				return
			}
		}
	}()
	return in
}

// complete completes the name of a command, and of a file behind /binary and /text, when Tab is pressed.
func complete(line string, pos int, key rune) (newLine string, newPos int, ok bool) {
	if key != '\t' || pos != len(line) || !strings.HasPrefix(line, "/") {
		return "", 0, false
	}
	name, path, isFile := strings.Cut(line, " ")
	var found []string
	if isFile && (name == "/binary" || name == "/text") {
		names, _ := filepath.Glob(path + "*") // a pattern that is none finds nothing
		for _, n := range names {
			found = append(found, name+" "+n)
		}
	} else if !isFile {
		for _, c := range commands {
			if strings.HasPrefix(c.name, line) {
				found = append(found, c.name+" ")
			}
		}
	}
	if len(found) == 0 {
		return line, pos, true
	}
	line = found[0]
	for _, f := range found[1:] {
		for !strings.HasPrefix(f, line) {
			_, size := utf8.DecodeLastRuneInString(line)
			line = line[:len(line)-size]
		}
	}
	return line, len(line), true
}

// kept is how many lines the history has.
const kept = 1000

// history is that of the prompt, oldest first. Each line is written to the file when it is added, so that several programs may
// share it. What begins with a space is not kept.
type history struct {
	lines []string
	file  *os.File // nil if there is none
}

// openHistory reads a history. name is a file, off, or "" for the usual place, which need not be writable.
func openHistory(name string, getenv func(string) string) (*history, error) {
	h := &history{}
	usual := name == ""
	if usual {
		name = historyFile(getenv)
	}
	if name == "off" || name == "" {
		return h, nil
	}
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		h.file, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(h.file)
	}
	if err != nil && !usual {
		h.close()
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		h.lines = append(h.lines, strings.TrimSuffix(line, "\n"))
	}
	if over := len(h.lines) - kept; over > 0 {
		h.lines = h.lines[over:]
		if over > kept && h.file != nil && h.file.Truncate(0) == nil {
			_, _ = io.WriteString(h.file, strings.Join(h.lines, "\n")+"\n")
		}
	}
	return h, nil
}

// historyFile is the usual place for a history, or "" if there is no home.
func historyFile(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "ws", "history")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "ws", "history")
	}
	return ""
}

func (h *history) close() {
	if h.file != nil {
		h.file.Close()
	}
}

// Add implements [term.History].
func (h *history) Add(line string) {
	if line == "" || line[0] == ' ' || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > kept {
		h.lines = h.lines[1:]
	}
	if h.file != nil {
		_, _ = io.WriteString(h.file, line+"\n") // what cannot be kept is no reason to stop talking
	}
}

// Len implements [term.History].
func (h *history) Len() int { return len(h.lines) }

// At implements [term.History].
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
