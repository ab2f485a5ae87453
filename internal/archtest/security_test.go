package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// row is a line of a table whose last two columns are a package and one of its tests, both as code.
var row = regexp.MustCompile("(?m)^\\|.*\\| `([a-z0-9/.]+)` \\| `((?:Test|Fuzz)\\w+)` \\|$")

func TestEveryTestThatSecurityNamesExists(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	require.NoError(t, err)
	rows := row.FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, rows, "SECURITY.md has no table of tests")
	for _, r := range rows {
		pkg, name := r[1], r[2]
		dir := filepath.Join(root, pkg)
		if pkg == "websocket" {
			dir = root
		}
		require.True(t, hasTest(t, dir, name), "SECURITY.md names %s of %s, which does not exist", name, pkg)
	}
}

// hasTest reports whether a test file of a directory has a function of that name.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if regexp.MustCompile(`(?m)^func ` + name + `\(`).Match(text) {
			return true
		}
	}
	return false
}
