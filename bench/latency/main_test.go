package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/bench/process"
	"github.com/seed60239977/websocket/bench/serve"
)

// The servers are processes of the test's own program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == process.Flag {
		exitOn(serve.Main(os.Args[2], os.Stdin, os.Stdout))
		return
	}
	os.Exit(m.Run())
}

// TestEveryServerKeepsAPaceThatIsNone: a hundredth of the load is little on any machine.
func TestEveryServerKeepsAPaceThatIsNone(t *testing.T) {
	var names []string
	for _, s := range serve.Servers() {
		if !s.OnlyHandshake {
			names = append(names, s.Name)
		}
	}
	var out strings.Builder
	args := []string{"-conns", "20", "-rounds", "1", "-time", "40ms", "-share", "0.01", "-servers", strings.Join(names, ",")}
	require.NoError(t, run(args, &out))
	for _, name := range names {
		require.Contains(t, out.String(), "\n| "+name+" |")
	}
}

func TestWrongServersAreErrors(t *testing.T) {
	require.ErrorContains(t, run([]string{"-conns", "1", "-rounds", "1", "-time", "4ms", "-servers", "nobody"}, new(strings.Builder)), "nobody")
	require.Error(t, run([]string{"-nothing"}, new(strings.Builder)))
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	require.Equal(t, 2, median([]int{3, 1, 2}))
	require.Equal(t, 7, median([]int{7}))
}
