package websocket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/compattest"
)

// extra are the names that coder/websocket does not have; doc.go tells of them.
var extra = []string{"AcceptOptions.CheckUTF8", "DialOptions.CheckUTF8"}

func TestEveryExportedNameIsThereWithItsSignature(t *testing.T) {
	for _, pkg := range []struct {
		original, ours string
		names          int // at least
		extra          []string
	}{
		{"github.com/coder/websocket", ".", 60, extra},
		{"github.com/coder/websocket/wsjson", "./wsjson", 2, nil},
	} {
		theirs, ours := compattest.Exported(t, pkg.original), compattest.Exported(t, pkg.ours)
		require.GreaterOrEqual(t, len(theirs), pkg.names)
		for _, name := range pkg.extra {
			require.Contains(t, ours, name)
			delete(ours, name)
		}
		require.Equal(t, theirs, ours)
	}
}
