// Package show prints messages: for people on a terminal, for programs in a pipe.
package show

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Printer prints what happens on a connection. Its methods may be called from any goroutine; a line is never torn.
type Printer struct {
	// Out gets messages, Notices what else there is to say.
	Out, Notices io.Writer
	// Pretty is for people: time and direction in front of each message, JSON laid out, control characters made visible.
	// Otherwise text is printed as it is, a line for each message.
	Pretty bool
	Colour bool
	// Binary says how binary messages are printed: hex (a dump), raw, base64, or the name of a directory that gets a file for
	// each.
	Binary string
	// Null ends messages with a zero byte in place of a line feed.
	Null bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu    sync.Mutex
	arrow string // of the message that is printed
	files int
}

// longestDump is how much of a binary message is shown on a terminal, in bytes.
const longestDump = 4 << 10

// Message prints a message that has come. The error is that of the output.
func (p *Printer) Message(typ websocket.MessageType, data []byte) error {
	return p.message("<", typ, data)
}

// Sent prints a message that was sent.
func (p *Printer) Sent(typ websocket.MessageType, data []byte) error {
	return p.message(">", typ, data)
}

func (p *Printer) message(arrow string, typ websocket.MessageType, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrow = arrow
	if typ == websocket.Binary {
		return p.binary(data)
	}
	if !p.Pretty {
		return p.line(string(data))
	}
	text, ok := JSON([]byte(cli.Visible(string(data))), p.Colour)
	if !ok {
		text = cli.Visible(string(data))
	}
	return p.pretty(text)
}

// binary prints a binary message.
func (p *Printer) binary(data []byte) error {
	switch p.Binary {
	case "raw":
		_, err := p.Out.Write(data)
		return err
	case "base64":
		return p.either(base64.StdEncoding.EncodeToString(data))
	case "hex":
		return p.either(dump(data, p.Pretty))
	}
	name, err := p.toFile(data)
	if err != nil {
		return err
	}
	return p.either(fmt.Sprintf("binary, %d bytes: %s", len(data), name))
}

// toFile writes a message to a file with a new name.
func (p *Printer) toFile(data []byte) (name string, err error) {
	var file *os.File
	for file == nil {
		p.files++
		name = filepath.Join(p.Binary, fmt.Sprintf("%06d.bin", p.files))
		file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil && !errors.Is(err, os.ErrExist) { // of an earlier run
			return "", err
		}
	}
	_, err = file.Write(data)
	return name, errors.Join(err, file.Close())
}

// dump is a dump in hexadecimal, with what it is of in front.
func dump(data []byte, limit bool) string {
	shown, rest := data, ""
	if limit && len(data) > longestDump {
		shown, rest = data[:longestDump], fmt.Sprintf("\n… %d bytes more: -binary DIR keeps them", len(data)-longestDump)
	}
	head := fmt.Sprintf("binary, %d bytes", len(data))
	if len(data) == 0 {
		return head
	}
	return head + "\n" + strings.TrimSuffix(hex.Dump(shown), "\n") + rest
}

// either prints what needs no care.
func (p *Printer) either(text string) error {
	if p.Pretty {
		return p.pretty(text)
	}
	return p.line(text)
}

// line prints for programs.
func (p *Printer) line(text string) error {
	end := "\n"
	if p.Null {
		end = "\x00"
	}
	_, err := io.WriteString(p.Out, text+end)
	return err
}

// pretty prints for people. Lines after the first one stand below its text.
func (p *Printer) pretty(text string) error {
	lead := p.clock() + " " + p.paint(inColour, p.arrow) + " "
	indent := "\n" + strings.Repeat(" ", len("15:04:05.000 < "))
	_, err := io.WriteString(p.Out, lead+strings.ReplaceAll(text, "\n", indent)+"\n")
	return err
}

// Notice prints what is not a message: with the time if it is for people, and after the name of the program if not.
func (p *Printer) Notice(format string, args ...any) { p.notice(dim, format, args...) }

// Problem is a Notice of something that went wrong.
func (p *Printer) Problem(format string, args ...any) { p.notice(errorColour, format, args...) }

func (p *Printer) notice(colour, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := cli.Line(fmt.Sprintf(format, args...))
	if !p.Pretty {
		fmt.Fprintf(p.Notices, "ws: %s\n", text)
		return
	}
	fmt.Fprintf(p.Notices, "%s %s\n", p.clock(), p.paint(colour, text))
}

func (p *Printer) clock() string {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	return p.paint(dim, now().Format("15:04:05.000"))
}

func (p *Printer) paint(colour, text string) string {
	if !p.Colour {
		return text
	}
	return colour + text + plain
}

// CheckBinary refuses a value of [Printer.Binary] that is none, and makes the directory if it is one.
func CheckBinary(mode string) error {
	switch mode {
	case "hex", "raw", "base64":
		return nil
	}
	if !strings.ContainsAny(mode, "/.\\") {
		return cli.Usage("-binary ./"+mode+", if it is to be a directory", "-binary is hex, raw, base64 or a directory, not %q", mode)
	}
	return os.MkdirAll(mode, 0o700)
}
