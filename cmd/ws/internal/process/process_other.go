//go:build !unix

package process

import "os/exec"

// shell is a command line as a process.
func shell(line string) *exec.Cmd { return exec.Command("cmd", "/C", line) }

// terminate ends the process: there is no way to ask for it.
func terminate(c *exec.Cmd) { _ = c.Process.Kill() }

// kill ends the process.
func kill(c *exec.Cmd) { _ = c.Process.Kill() }
