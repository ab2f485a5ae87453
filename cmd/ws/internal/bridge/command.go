package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/seed60239977/websocket/cmd/ws/internal/process"
)

// command is a process whose input and output are an end of the bridge. It has ended in good order if its exit status is 0.
type command struct {
	p      *process.Process
	grace  time.Duration
	once   sync.Once // of waiting for it
	exited chan struct{}
	err    error // how it has ended, once exited is closed
}

func newCommand(p *process.Process, grace time.Duration) *command {
	return &command{p: p, grace: grace, exited: make(chan struct{})}
}

// Read reads what the process says. After that, it waits for the end of it.
func (c *command) Read(p []byte) (int, error) {
	n, err := c.p.Stdout.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
		return n, err
	}
	if err := c.wait(); err != nil {
		return 0, err
	}
	return 0, errEnded
}

func (c *command) wait() error {
	c.once.Do(func() {
		if err := c.p.Cmd.Wait(); err != nil {
			c.err = fmt.Errorf("the command: %w", err)
		}
		close(c.exited)
	})
	return c.err
}

// Write gives p to the process. One that reads no more may still have something to say: that is no error.
func (c *command) Write(p []byte) (int, error) {
	_, _ = c.p.Stdin.Write(p)
	return len(p), nil
}

func (c *command) CloseWrite() error {
	_ = c.p.Stdin.Close() // it may be closed already, because the process has ended
	return nil
}

// Close waits for the process, and makes it end. With an error, that is at once.
func (c *command) Close(err error) {
	_ = c.p.Stdin.Close()
	select {
	case <-c.exited:
		return
	default:
	}
	if err != nil {
		c.p.Terminate()
	}
	go c.wait() // it may be that nobody reads
	c.p.End(c.exited, c.grace)
}

// Drain gives the process time to end.
func (c *command) Drain(linger time.Duration) {
	if out, ok := c.p.Stdout.(*os.File); ok {
		_ = out.SetReadDeadline(time.Now().Add(linger))
	}
	_, _ = io.Copy(io.Discard, c.p.Stdout)
}

func (c *command) Ended() <-chan struct{} { return nil }
