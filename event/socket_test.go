package event

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestAConnectionIsOnePieceOfMemory: what a connection takes is this, and 16 bytes in its shard.
func TestAConnectionIsOnePieceOfMemory(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		require.LessOrEqual(t, int(unsafe.Sizeof(Socket{})), 320, "the next class of the allocator is 352")
	}
}
