package wstest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// SocketPath returns where a Unix socket may be made. It is gone after the test. The system takes about a hundred bytes, which the
// directories of tests with long names exceed where the one for temporary files has a long name itself, as on macOS.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ws")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
