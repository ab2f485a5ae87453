package e2e

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait for a program; none of them takes a tenth of it.
const patience = 30 * time.Second

// A process is a program that a test runs and listens to. It is killed when the test ends.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  chan string // standard output; closed at its end
	stderr lockedBuffer
	exited chan struct{}
}

// start runs a program in this directory.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), lines: make(chan string, 256), exited: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.exited)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		close(p.lines)
		_ = p.cmd.Wait() // what it returned is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		for range p.lines { // nobody reads them any more, and nothing may block
		}
		<-p.exited
		if t.Failed() {
			t.Logf("%s: %v; on stderr:\n%s", p.cmd, p.cmd.ProcessState, p.stderr.String())
		}
	})
	return p
}

// line returns the next line of standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.exited
		}
		require.True(p.t, ok, "%s ended: %s", p.cmd, p.stderr.String())
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "no line within "+patience.String(), "%s: %s", p.cmd, p.stderr.String())
		return ""
	}
}

// listening waits for the line that says where a server listens, and returns its address.
func (p *process) listening() string {
	p.t.Helper()
	addr, ok := strings.CutPrefix(p.line(), "listening on ")
	require.True(p.t, ok)
	return addr
}

// terminate asks the program to end, as an operator would.
func (p *process) terminate() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
}

// exitCode waits, for that long at most, until the program has ended.
func (p *process) exitCode(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // a Go program says on stderr what it was doing
		select {
		case <-p.exited:
		case <-time.After(time.Second):
		}
		require.FailNow(p.t, "still running after "+within.String(), "%s", p.cmd)
		return -1
	}
}

// lockedBuffer collects what a program writes while a test may look at it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
