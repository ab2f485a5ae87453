package websocket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/compattest"
)

// extra are the names that gorilla/websocket does not have; doc.go tells of them.
var extra = []string{"Upgrader.CheckUTF8", "Dialer.CheckUTF8"}

func TestEveryExportedNameIsThereWithItsSignature(t *testing.T) {
	theirs, ours := compattest.Exported(t, "github.com/gorilla/websocket"), compattest.Exported(t, ".")
	require.Greater(t, len(theirs), 90)
	for _, name := range extra {
		require.Contains(t, ours, name)
		delete(ours, name)
	}
	require.Equal(t, theirs, ours)
}
