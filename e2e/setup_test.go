package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// echoProgram is the echo example, built once for all tests.
var echoProgram string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "websocket-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	echoProgram = filepath.Join(dir, "echo")
	build := exec.Command("go", "build", "-o", echoProgram, "./examples/echo")
	build.Dir = ".." // with the requirements of the main module, as a reader builds it
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the echo example: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// startEcho runs the echo example on a free port and returns it with its address.
func startEcho(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	p := start(t, echoProgram, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	return p, p.listening()
}

// engines are what drives the connections of the echo example.
var engines = []string{"goroutine", "event"}

// missing skips a test for want of a program, or fails it where all of them have to be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		require.FailNow(t, what+" is not installed")
	}
	t.Skip(what + " is not installed")
}

// A peer is a WebSocket library of others, by the commands that run its client and its server.
type peer struct {
	name    string
	find    func(t *testing.T) (interpreter string)
	scripts string // file extension of its programs
}

var peers = []peer{
	{name: "Node_ws", find: findNode, scripts: ".mjs"},
	{name: "Python_websockets", find: findPython, scripts: ".py"},
}

func (p peer) client(t *testing.T, url, scenario string) *process {
	t.Helper()
	return start(t, p.find(t), "peers/client"+p.scripts, url, scenario)
}

func (p peer) server(t *testing.T) (*process, string) {
	t.Helper()
	s := start(t, p.find(t), "peers/server"+p.scripts)
	return s, s.listening()
}

func findNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node")
	}
	if _, err := os.Stat("node_modules/ws"); err != nil {
		missing(t, "npm's ws (npm ci)")
	}
	return node
}

// findPython looks for an interpreter that has the library. Debian's own comes first: its packages belong to it alone.
func findPython(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import websockets").Run() == nil {
			return path
		}
	}
	missing(t, "Python's websockets (python3-websockets)")
	return ""
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "chromium")
	return ""
}
