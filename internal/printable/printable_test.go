package printable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/printable"
)

func TestLine(t *testing.T) {
	for s, want := range map[string]string{
		"":                   "",
		"going away":         "going away",
		`say "bye"`:          `say "bye"`,
		"再见 👋":               "再见 👋",
		"a\nlevel=ERROR b":   `"a\nlevel=ERROR b"`,
		"\x1b[31mred":        `"\x1b[31mred"`,
		"\xff":               `"\xff"`,
		"right\u202eto left": `"right\u202eto left"`,
	} {
		require.Equal(t, want, printable.Line(s))
	}
}
