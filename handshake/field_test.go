package handshake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAListMayBeAsLongAsTheLimit(t *testing.T) {
	require.False(t, tooLong([]string{strings.Repeat("a", maxList)}))
	require.False(t, tooLong([]string{strings.Repeat("a", maxList-1), "a"}))
	require.True(t, tooLong([]string{strings.Repeat("a", maxList), "a"}))
}
