package main

import (
	"bytes"
	"context"
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
