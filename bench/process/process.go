// Package process runs servers as processes of their own, each alone on one core.
package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed60239977/websocket/bench/serve"
)

// Flag is the first argument of a server's process; the second is its [serve.Spec].
const Flag = "-serve-as-child"

// Server is a running server.
type Server struct {
	Addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// Start starts this program once more, as a server with one core and GOMAXPROCS=1.
func Start(s serve.Spec) (*Server, error) {
	spec, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, Flag, string(spec))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=100", "GOMEMLIMIT=off", "GODEBUG=")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(serverCore, cmd); err != nil {
		return nil, err
	}
	p := &Server{cmd: cmd, in: in, out: json.NewDecoder(bufio.NewReader(out))}
	var r serve.Ready
	if err := p.out.Decode(&r); err != nil {
		r.Err = "it did not start: " + err.Error()
	}
	if r.Err != "" {
		p.Stop()
		return nil, fmt.Errorf("server %s: %s", s.Server, r.Err)
	}
	p.Addr = r.Addr
	return p, nil
}

// Do has the server obey a command; see [serve.Main].
func (p *Server) Do(command string) (serve.Usage, error) {
	var u serve.Usage
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return u, err
	}
	if err := p.out.Decode(&u); err != nil {
		return u, fmt.Errorf("the server has ended: %w", err)
	}
	if u.Err != "" {
		return u, errors.New(u.Err)
	}
	return u, nil
}

// Stop ends the process and waits for that.
func (p *Server) Stop() error {
	p.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return p.cmd.Wait()
}

// The cores. Whoever shares the machine disturbs both alike.
const (
	serverCore = 0
	loadCore   = 1
)

// startOn starts a process on a core: it inherits that from the thread that starts it.
func startOn(core int, cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if unix.SchedGetaffinity(0, &before) != nil || !pin(0, core) {
		return cmd.Start()
	}
	defer unix.SchedSetaffinity(0, &before)
	return cmd.Start()
}

// PinSelf keeps this process away from the servers' core. It reports whether servers and load have a core each.
func PinSelf() bool {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	pinned := true
	for _, t := range threads { // threads to come inherit it
		id, err := strconv.Atoi(t.Name())
		pinned = pinned && err == nil && pin(id, loadCore)
	}
	return pinned
}

func pin(thread, core int) bool {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(thread, &set) == nil
}
