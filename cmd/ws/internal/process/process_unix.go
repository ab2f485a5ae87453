//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// shell is a command line as a process, the leader of a group, so that what it starts can be ended with it.
func shell(line string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", line)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// terminate asks the process, and what it has started, to end.
func terminate(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }

// kill ends them.
func kill(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
