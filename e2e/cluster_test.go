package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// startCluster builds the example cluster, which is a module of its own, and runs it. It returns where it listens, and the
// ids of its processes.
func startCluster(t *testing.T) (p *process, addr string, pids []int) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "cluster")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../examples/cluster"
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	p = start(t, program, "-addr", "127.0.0.1:0")
	for {
		line := p.line()
		if addr, ok := strings.CutPrefix(line, "listening on "); ok {
			return p, addr, pids
		}
		pids = append(pids, workerOf(t, line))
	}
}

// workerOf returns the id of a process that has started.
func workerOf(t *testing.T, line string) (pid int) {
	t.Helper()
	var n int
	_, err := fmt.Sscanf(line, "process %d is %d,", &n, &pid)
	require.NoError(t, err, line)
	return pid
}

func TestTabsOnSeveralProcessesMissNothingWhenTheseAreKilled(t *testing.T) {
	p, addr, pids := startCluster(t)
	require.Len(t, pids, 3)
	ada := browse(t, "http://"+addr+"/")
	ben := openTab(t, ada, "http://"+addr+"/")
	enterChat(t, ada, "Ada")
	enterChat(t, ben, "Ben")
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)
	keys(t, ada, "before\r")
	becomes(t, ben, arrived, "before")
	said := []string{"before"}
	for n, pid := range pids { // each tab is on one of them
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		text := fmt.Sprint("without process ", n)
		said = append(said, text)
		keys(t, ada, text+"\r") // which waits in the page if it is Ada's
		for line := p.line(); ; line = p.line() {
			if !strings.Contains(line, "has ended") {
				workerOf(t, line)
				break
			}
		}
		for _, tab := range []context.Context{ada, ben} {
			connected(t, tab, true)
			becomes(t, tab, arrived, text)
		}
	}
	for _, tab := range []context.Context{ada, ben} {
		for _, text := range said {
			becomes(t, tab, arrived, text)
		}
		becomes(t, tab, `document.querySelectorAll('#log li').length === %d`, len(said))
		becomes(t, tab, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)
	}
}
