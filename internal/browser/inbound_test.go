package browser

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestEventsAreReadAsTheFramesOfAServer(t *testing.T) {
	long := strings.Repeat("long ", 20_000)
	want := unmasked(
		wstest.Whole(frame.Text, "你好"), wstest.Whole(frame.Binary, "\x00\xff"), wstest.Whole(frame.Text, ""),
		wstest.Whole(frame.Binary, long), wstest.Whole(frame.Text, strings.Repeat("x", 126)),
		wstest.CloseFrame(4001, "bye"))
	for _, size := range []int{1, 2, 3, 7, 4096, len(want), len(want) + 1} {
		c, _ := open()
		c.Message(true, bytes("你好"))
		c.Message(false, bytes("\x00\xff"))
		c.Message(true, bytes(nil))
		c.Message(false, bytes(long))
		c.Message(true, bytes(strings.Repeat("x", 126)))
		c.Closed(4001, "bye")
		var got []byte
		p := make([]byte, size)
		for {
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			require.Positive(t, n)
			require.True(t, n == size || len(got) == len(want), "a read takes what there is, up to its room")
		}
		require.Equal(t, want, got, "read by %d bytes", size)
	}
}

func TestACloseEventIsReadAsTheFrameThatTheBrowserHasHad(t *testing.T) {
	for _, tc := range []struct {
		code   frame.StatusCode
		reason string
		want   []byte
	}{
		{1000, "", unmasked(wstest.CloseFrame(1000, ""))},
		{1001, "over there", unmasked(wstest.CloseFrame(1001, "over there"))},
		{1011, "好", unmasked(wstest.CloseFrame(1011, "好"))},
		{4999, strings.Repeat("x", 123), unmasked(wstest.CloseFrame(4999, strings.Repeat("x", 123)))},
		{1005, "", unmasked(wstest.Whole(frame.Close, ""))},
		{1006, "", nil},
		{1015, "", nil},
		{0, "", nil},
	} {
		c, _ := open()
		c.Closed(tc.code, tc.reason)
		c.Closed(1000, "once more")
		got, err := io.ReadAll(c)
		require.NoError(t, err, "the stream ends")
		require.Equal(t, string(tc.want), string(got), "%d", tc.code)
	}
}

func TestNothingIsReadBehindACloseEvent(t *testing.T) {
	c, _ := open()
	c.Closed(1000, "")
	c.Message(true, bytes("late"))
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, unmasked(wstest.CloseFrame(1000, "")), got)
}
