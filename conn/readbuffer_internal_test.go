package conn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/buffer"
)

// reads feeds in as a transport would, from bursts of so many bytes, and returns how many reads each burst takes.
func reads(in *readBuffer, bursts ...int) (n []int) {
	for _, left := range bursts {
		count := 0
		for ; left > 0; count++ {
			in.before(count > 0)
			k := min(left, len(in.free()))
			in.received(k)
			in.take(k)
			left -= k
		}
		in.idle()
		n = append(n, count)
	}
	return n
}

func TestABufferFitsTheMessagesThatCome(t *testing.T) {
	for _, size := range []int{buffer.Smallest + 8, 4*buffer.Smallest + 8, 16*buffer.Smallest + 14} {
		var in readBuffer
		got := reads(&in, size, size, size, size, size, size)
		require.Equal(t, []int{1, 1, 1}, got[3:], "messages of %d bytes: %v reads", size, got)
	}
}

func TestABufferShrinksWithTheMessages(t *testing.T) {
	var in readBuffer
	reads(&in, 1<<20, 1<<20)
	require.EqualValues(t, maxReadClass, in.class)
	reads(&in, 100, 100, 100, 100, 100, 100)
	require.Zero(t, in.class)
	reads(&in, 100, 5000, 100, 5000, 100, 5000)
	require.LessOrEqual(t, in.class, uint8(1), "what comes now and then does not make it grow for good")
}

func TestUnreadBytesAreMovedOnlyWhereTooLittleFitsBehindThem(t *testing.T) {
	for room, moved := range map[int]bool{minRead - 1: true, minRead: false, minRead + 1: false} {
		var in readBuffer
		in.before(false)
		n := len(in.free()) - room
		in.received(n)
		in.take(n - 10)
		in.before(true)
		require.Len(t, in.unread(), 10)
		require.Equal(t, moved, in.r == 0, "%d bytes fit", room)
		require.GreaterOrEqual(t, len(in.free()), minRead)
		in.release()
	}
}

func TestABufferShrinksOnlyAfterTwoSmallReadsInARow(t *testing.T) {
	in := readBuffer{class: 2}
	var classes []uint8
	for range 5 {
		require.Equal(t, []int{1}, reads(&in, 1))
		classes = append(classes, uint8(in.class))
	}
	require.Equal(t, []uint8{2, 1, 1, 0, 0}, classes)

	in = readBuffer{class: 2}
	for range 5 {
		require.Equal(t, []int{1, 1}, reads(&in, 1, buffer.ClassSize(2)/8))
	}
	require.EqualValues(t, 2, in.class, "one that is not small begins the count anew")
}
