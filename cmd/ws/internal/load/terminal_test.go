//go:build unix

package load

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

func TestProgressIsShownOnATerminal(t *testing.T) {
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-c", "1", "-rate", "20", "-duration", "100ms", "-ramp", "0s", "-warmup", "0s", "-drain", "1h", clitest.Echoing(t).WS())
	x.Await(`\r\x1b\[K\d+s of 0s, [01] connections`)
	x.Await(`\r\x1b\[Kws://\S+: 1 of 1 connections`) // the line is gone
	x.Await(`no errors`)
	require.Equal(t, 0, <-status)
}
