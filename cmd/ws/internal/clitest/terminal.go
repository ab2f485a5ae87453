//go:build unix

package clitest

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Terminal is a pseudo-terminal with somebody in front of it.
type Terminal struct {
	t        *testing.T
	pty, TTY *os.File
	mu       sync.Mutex
	changed  *sync.Cond
	screen   bytes.Buffer // everything that was written to it
	seen     int          // up to where Await has looked
	ended    bool
	Environ  map[string]string
}

// NewTerminal opens a terminal until the end of the test.
func NewTerminal(t *testing.T) *Terminal {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(p, &pty.Winsize{Rows: 40, Cols: 120}))
	x := &Terminal{t: t, pty: p, TTY: tty, Environ: map[string]string{"TERM": "xterm"}}
	x.changed = sync.NewCond(&x.mu)
	var reading sync.WaitGroup
	reading.Go(x.read)
	t.Cleanup(func() {
		tty.Close()
		p.Close()
		reading.Wait()
	})
	return x
}

func (x *Terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := x.pty.Read(buf)
		x.mu.Lock()
		x.screen.Write(buf[:n])
		x.ended = err != nil
		x.changed.Broadcast()
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Start runs a command on the terminal. The result is its exit status.
func (x *Terminal) Start(ctx context.Context, c *cli.Command, args ...string) <-chan int {
	env := &cli.Env{Stdin: x.TTY, Stdout: x.TTY, Stderr: x.TTY, Getenv: func(name string) string { return x.Environ[name] }}
	status := make(chan int, 1)
	go func() { status <- Program(c).Run(ctx, append([]string{c.Name}, args...), env) }()
	return status
}

// Type types text; "\r" is Enter.
func (x *Terminal) Type(text string) {
	x.t.Helper()
	_, err := x.pty.WriteString(text)
	require.NoError(x.t, err)
}

// Await waits until something that matches a pattern was written behind what was awaited before, and returns it.
func (x *Terminal) Await(pattern string) string {
	x.t.Helper()
	want := regexp.MustCompile(pattern)
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if at := want.FindIndex(x.screen.Bytes()[x.seen:]); at != nil {
			found := string(x.screen.Bytes()[x.seen+at[0] : x.seen+at[1]])
			x.seen += at[1]
			return found
		}
		require.False(x.t, x.ended, "the terminal was closed without %s: %q", pattern, x.screen.String())
		x.changed.Wait()
	}
}

// Screen is everything that was written so far.
func (x *Terminal) Screen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// Resize changes the size of the terminal.
func (x *Terminal) Resize(rows, columns uint16) {
	x.t.Helper()
	require.NoError(x.t, pty.Setsize(x.pty, &pty.Winsize{Rows: rows, Cols: columns}))
}
