package autobahn

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A judge that shares code with the judged would share its mistakes. Frames and header compression of HTTP/2 come from
// golang.org/x/net, which the judged uses as a client alone.
func TestTheSuiteImportsTheStandardLibraryAndItselfAlone(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./...")
	var stderr strings.Builder
	list.Stderr = &stderr // where it may say other things, too
	out, err := list.Output()
	require.NoError(t, err, stderr.String())
	packages := strings.Fields(string(out))
	require.NotEmpty(t, packages)
	for _, p := range packages {
		if !strings.HasPrefix(p, "golang.org/x/") {
			require.Contains(t, p, "/websocket/autobahn", "the suite depends on %s", p)
		}
	}
}
