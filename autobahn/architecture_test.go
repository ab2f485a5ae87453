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
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	packages := strings.Fields(string(out))
	require.NotEmpty(t, packages)
	for _, p := range packages {
		if !strings.HasPrefix(p, "golang.org/x/") {
			require.Contains(t, p, "/websocket/autobahn", "the suite depends on %s", p)
		}
	}
}
