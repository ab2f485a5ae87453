package websocket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/sameapi"
)

// extra are the names that gorilla/websocket does not have; doc.go tells of them.
var extra = []string{"Upgrader.CheckUTF8", "Dialer.CheckUTF8"}

func TestEveryExportedNameIsThereWithItsSignature(t *testing.T) {
	theirs, err := sameapi.Exported("github.com/gorilla/websocket")
	require.NoError(t, err)
	ours, err := sameapi.Exported(".")
	require.NoError(t, err)
	require.Greater(t, len(theirs), 90)
	for _, name := range extra {
		require.Contains(t, ours, name)
		delete(ours, name)
	}
	require.Equal(t, theirs, ours)
}
