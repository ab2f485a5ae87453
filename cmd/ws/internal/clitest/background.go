package clitest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Buffer is an output that grows while somebody waits for it.
type Buffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed when there is more
	seen    int
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return b.text.Write(p)
}

// String is everything so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Line waits for the next line that has a text in it, and returns it. Lines in front of it are skipped.
func (b *Buffer) Line(part string) string {
	for {
		b.mu.Lock()
		for {
			line, _, whole := strings.Cut(b.text.String()[b.seen:], "\n")
			if !whole {
				break
			}
			b.seen += len(line) + 1
			if strings.Contains(line, part) {
				b.mu.Unlock()
				return line
			}
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		<-changed
	}
}

// Running is a command that goes on until it is stopped.
type Running struct {
	Stdout, Stderr *Buffer
	Stop           context.CancelFunc // what an interrupt does
	status         chan int
}

// Start runs a command in the background, to the end of the test at most.
func Start(t *testing.T, c *cli.Command, stdin io.Reader, args ...string) *Running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{Stdout: &Buffer{}, Stderr: &Buffer{}, Stop: stop, status: make(chan int, 1)}
	env := &cli.Env{Stdin: stdin, Stdout: r.Stdout, Stderr: r.Stderr, Getenv: func(string) string { return "" }}
	go func() { r.status <- Program(c).Run(ctx, append([]string{c.Name}, args...), env) }()
	t.Cleanup(func() {
		stop()
		r.status <- <-r.status
	})
	return r
}

// Wait waits for the exit status.
func (r *Running) Wait() int {
	status := <-r.status
	r.status <- status
	return status
}

// Listening starts a command that listens, and waits for its URL.
func Listening(t *testing.T, c *cli.Command, stdin io.Reader, args ...string) (r *Running, url string) {
	t.Helper()
	r = Start(t, c, stdin, args...)
	url, ok := strings.CutPrefix(r.Stdout.Line("listening on "), "listening on ")
	require.True(t, ok)
	return r, url
}
