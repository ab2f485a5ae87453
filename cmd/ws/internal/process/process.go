// Package process runs what a user has given as a command line, with pipes for its input and output.
package process

import (
	"io"
	"os"
	"os/exec"
	"time"
)

// Process is a command that runs. Whoever has started it calls Cmd.Wait, once.
type Process struct {
	Cmd    *exec.Cmd
	Stdin  io.WriteCloser
	Stdout io.ReadCloser
}

// Start has the shell run a command line. environ is added to the environment of this process. Grace is how long what it has left
// behind may keep stderr once it has ended.
func Start(line string, environ []string, stderr io.Writer, grace time.Duration) (p *Process, err error) {
	p = &Process{Cmd: shell(line)}
	p.Cmd.Env = append(os.Environ(), environ...)
	p.Cmd.Stderr = stderr
	p.Cmd.WaitDelay = max(grace, 1) // 0 would be for ever
	if p.Stdin, err = p.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.Stdout, err = p.Cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, p.Cmd.Start()
}

// Terminate asks the process, and what it has started, to end.
func (p *Process) Terminate() { terminate(p.Cmd) }

// End waits for a process, and makes it end if it takes too long. What it has started may go on in a group of its own, with
// the output in its hands: nobody waits for that. exited is closed when Cmd.Wait has returned.
func (p *Process) End(exited <-chan struct{}, grace time.Duration) {
	forget := func(*exec.Cmd) { p.Stdout.Close() }
	for _, force := range []func(*exec.Cmd){terminate, kill, forget} {
		t := time.NewTimer(grace)
		select {
		case <-exited:
			t.Stop()
			return
		case <-t.C:
			force(p.Cmd)
		}
	}
	<-exited
}
