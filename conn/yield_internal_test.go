//go:build unix && !websocket_portable

package conn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOthersRunFirstWhileThatHelps(t *testing.T) {
	var y yielding
	require.False(t, y.worthwhile(), "nothing is known yet")
	for range 100 {
		y.came(true)
		require.True(t, y.worthwhile())
	}
	y.came(false)
	require.False(t, y.worthwhile(), "there is more to read")
	y.came(true)
	require.True(t, y.worthwhile())
}

func TestOthersSeldomRunFirstWhileThatIsOfNoUse(t *testing.T) {
	var y yielding
	var pauses []int // reads between attempts
	y.came(true)
	for pause := 0; len(pauses) < 9; pause++ {
		if y.worthwhile() {
			pauses, pause = append(pauses, pause), -1
		}
		y.nothing() // the attempt to read
		y.came(true)
	}
	require.Equal(t, []int{0, 2, 4, 8, 16, 32, 64, 64, 64}, pauses)

	for !y.worthwhile() {
		y.nothing()
		y.came(true)
	}
	y.came(true)
	require.True(t, y.worthwhile(), "once it has helped it is tried each time")
	y.nothing()
	y.came(true)
	pause := 0
	for ; !y.worthwhile(); pause++ {
		y.came(true)
	}
	require.Equal(t, 2, pause, "and one failure counts little")
}
