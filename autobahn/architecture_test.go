package autobahn

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A judge that shares code with the judged would share its mistakes.
func TestTheSuiteImportsTheStandardLibraryAndItselfAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	packages := strings.Fields(string(out))
	require.NotEmpty(t, packages)
	for _, p := range packages {
		require.Contains(t, p, "/websocket/autobahn", "the suite depends on %s", p)
	}
}
