package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// run runs a command line and returns what it prints.
func run(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Getenv: func(string) string { return "" }}
	status = program().Run(context.Background(), args, env)
	return status, out.String(), err.String()
}

func TestTheManualPageIsUpToDate(t *testing.T) {
	_, man, _ := run("man")
	kept, err := os.ReadFile("ws.1")
	require.NoError(t, err)
	require.Equal(t, string(kept), man, "go generate makes it again")
}

func TestCompletionAndVersionArePrinted(t *testing.T) {
	for _, shell := range cli.Shells() {
		status, script, _ := run("completion", shell)
		require.Zero(t, status)
		require.Contains(t, script, "connect")
	}
	status, _, stderr := run("completion", "tcsh")
	require.Equal(t, cli.StatusUsage, status)
	require.Contains(t, stderr, "  try: bash, zsh, fish\n")
	_, version, _ := run("version")
	require.Regexp(t, `^ws \S+ go`, version)
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	_, whole, _ := run("help")
	for _, c := range program().Commands {
		require.Contains(t, whole, "  "+c.Name+" ")
		status, help, stderr := run(c.Name, "-h")
		require.Zero(t, status)
		require.Empty(t, stderr)
		require.Contains(t, help, "usage: ws "+c.Name)
		require.NotEmpty(t, c.Examples, c.Name)
		for _, e := range c.Examples {
			require.Contains(t, help, "  # "+e.Does+"\n  "+e.Line+"\n")
			require.Contains(t, e.Line, "ws "+c.Name, "an example is of its command")
		}
		for _, line := range strings.Split(help, "\n") {
			require.LessOrEqual(t, len([]rune(line)), 160, line)
		}
	}
}
