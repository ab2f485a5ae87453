package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed60239977/websocket"
)

// Exit statuses that are not for a close code.
const (
	statusFailed = 1
	statusUsage  = 2
)

// exitStatus is the table at the top, for an error that ended a conversation.
func exitStatus(err error) int {
	var closed *websocket.CloseError
	switch {
	case !errors.As(err, &closed):
		return statusFailed
	case closed.Code == websocket.StatusNormalClosure, closed.WasClean && !closed.Remote && closed.Err == nil:
		return 0
	case closed.Code >= 3000:
		return int(closed.Code / 1000)
	default:
		return int(closed.Code) - 900
	}
}

// talk is a conversation: lines go out and messages come in.
type talk struct {
	c       *websocket.Conn
	stay    bool // at the end of the input
	stdout  io.Writer
	maxLine int
}

// run returns how it ended: a *websocket.CloseError, unless standard input or output failed.
func (t *talk) run(ctx context.Context, stdin io.Reader) error {
	defer t.c.CloseNow()
	received := make(chan error, 1)
	go func() { received <- t.print() }()
	in := readLines(stdin, t.maxLine)
	defer close(in.stop)
	for {
		select {
		case err := <-received:
			t.c.Close(websocket.StatusGoingAway, "") // if it is the output that failed
			return err
		case <-ctx.Done():
			t.c.Close(websocket.StatusGoingAway, "")
			return <-received
		case line, more := <-in.lines:
			switch {
			case more:
				t.send(ctx, line)
			case in.err != nil:
				t.c.Close(websocket.StatusGoingAway, "")
				<-received
				return fmt.Errorf("cannot read the input: %w", in.err)
			case t.stay:
				in.lines = nil
			default:
				t.awaitAnswers(ctx)
				t.c.Close(websocket.StatusNormalClosure, "")
				return <-received
			}
		}
	}
}

// send sends a line. What goes wrong is seen where messages are received, or as the end of ctx.
func (t *talk) send(ctx context.Context, line []byte) {
	typ := websocket.Text
	if !utf8.Valid(line) {
		typ = websocket.Binary
	}
	_ = t.c.Write(ctx, typ, line)
}

// awaitAnswers waits until the server has read what was sent, so that its answers are not cut off by a close frame. It
// gives up as soon as a closing handshake would.
func (t *talk) awaitAnswers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, websocket.DefaultCloseTimeout)
	defer cancel()
	_, _ = t.c.Ping(ctx)
}

// print prints what comes until the connection ends, and returns how it did.
func (t *talk) print() error {
	show := func(text string) string { return text }
	if isTerminal(t.stdout) {
		show = visible
	}
	for m, err := range t.c.Messages(context.Background()) {
		if err != nil {
			return err
		}
		line := show(string(m.Data))
		if m.Type == websocket.Binary {
			line = summary(m.Data)
		}
		if _, err := io.WriteString(t.stdout, line+"\n"); err != nil {
			return fmt.Errorf("cannot write the output: %w", err)
		}
	}
	return nil // not reached: the loop ends with an error
}

// summary is a line about a binary message.
func summary(data []byte) string {
	const most = 32
	if len(data) <= most {
		return strings.TrimRight(fmt.Sprintf("binary, %d bytes: % x", len(data), data), ": ")
	}
	return fmt.Sprintf("binary, %d bytes: % x …", len(data), data[:most])
}

// visible makes the control characters in a text visible, so that no server gets to drive a terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || !unicode.IsControl(r):
			return r
		case r < 0x20:
			return '␀' + r // the control pictures of Unicode
		case r == 0x7f:
			return '␡'
		default:
			return unicode.ReplacementChar
		}
	}, text)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// input is a stream of lines, without their ends.
type input struct {
	lines chan []byte
	err   error // once lines is closed
	stop  chan struct{}
}

// readLines reads lines until there are no more, or stop is closed and the read that is under way has returned.
func readLines(r io.Reader, longest int) *input {
	in := &input{lines: make(chan []byte), stop: make(chan struct{})}
	lines := in.lines
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, longest+2) // with the end of the line
		for scanner.Scan() {
			if len(scanner.Bytes()) > longest {
				in.err = bufio.ErrTooLong
				return
			}
			select {
			case lines <- bytes.Clone(scanner.Bytes()):
			case <-in.stop:
				return
			}
		}
		in.err = scanner.Err()
	}()
	return in
}
