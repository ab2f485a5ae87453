package websocket

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoFixMovesCallsOfWhatIsDeprecated(t *testing.T) {
	out, _ := exec.Command("go", "fix", "-diff", "./testdata/fix").CombinedOutput() // it fails where there is something to move
	var removed, added []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
		case strings.HasPrefix(line, "-"):
			removed = append(removed, line[2:])
		case strings.HasPrefix(line, "+"):
			added = append(added, line[2:])
		}
	}
	require.Equal(t, []string{
		"if err := websocket.ReadJSON(c, &v); err != nil {",
		"return c.UnderlyingConn().LocalAddr(), websocket.WriteJSON(c, v)",
	}, removed, string(out))
	require.Equal(t, []string{
		"if err := c.ReadJSON(&v); err != nil {",
		"return c.NetConn().LocalAddr(), c.WriteJSON(v)",
	}, added)
}
