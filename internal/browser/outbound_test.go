package browser

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestFramesBecomeCallsWhereverTheyAreCut(t *testing.T) {
	written := masked(
		wstest.Whole(frame.Text, "你好"), wstest.Whole(frame.Binary, ""),
		wstest.Part(frame.Binary, false, "one, "), wstest.Part(frame.Continuation, false, ""),
		wstest.Part(frame.Continuation, true, "two"), wstest.Whole(frame.Text, strings.Repeat("x", 300)),
		wstest.Part(frame.Text, false, "never ended"), wstest.CloseFrame(3000, "bye"))
	want := []call{
		{"text", "你好", 0}, {"binary", "", 0}, {"binary", "one, two", 0}, {"text", strings.Repeat("x", 300), 0},
		{"close", "bye", 3000},
	}
	for first := range len(written) + 1 {
		c, f := open()
		for _, p := range [][]byte{written[:first], nil, written[first:]} {
			n, err := c.Write(p)
			require.NoError(t, err)
			require.Equal(t, len(p), n)
		}
		require.Equal(t, want, f.did(), "cut at %d", first)
	}
	c, f := open()
	for i := range written {
		n, err := c.Write(written[i : i+1])
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	require.Equal(t, want, f.did(), "cut everywhere")
}

func TestWhatIsWrittenIsLeftAsItIs(t *testing.T) {
	c, f := open()
	written := masked(wstest.Whole(frame.Binary, strings.Repeat("payload", 100)))
	before := string(written)
	_, err := c.Write(written)
	require.NoError(t, err)
	require.Equal(t, before, string(written))
	require.Equal(t, []call{{"binary", strings.Repeat("payload", 100), 0}}, f.did())
}

func TestLongMessagesComeOutAsTheyWentIn(t *testing.T) {
	payload := make([]byte, 3*keep+5)
	for i := range payload {
		payload[i] = byte(rand.Int())
	}
	c, f := open()
	for range 2 {
		_, err := c.Write(masked(wstest.Whole(frame.Binary, string(payload))))
		require.NoError(t, err)
		require.LessOrEqual(t, cap(c.out.message), keep, "their memory is not kept")
	}
	require.True(t, f.did()[0].what == string(payload) && f.did()[1] == f.did()[0])
}

func TestWhatABrowserDoesNotSendIsRefused(t *testing.T) {
	for name, written := range map[string][]byte{
		"ping":                     masked(wstest.Whole(frame.Ping, "")),
		"pong":                     masked(wstest.Whole(frame.Pong, "x")),
		"code 1001":                masked(wstest.CloseFrame(1001, "")),
		"code 1011":                masked(wstest.CloseFrame(1011, "")),
		"code 2999":                masked(wstest.Frame{Fin: true, Opcode: frame.Close, Payload: []byte{0x0b, 0xb7}}),
		"half a code":              masked(wstest.Whole(frame.Close, "x")),
		"compressed":               masked(wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text}),
		"not masked":               unmasked(wstest.Whole(frame.Text, "x")),
		"a fragment of nothing":    masked(wstest.Part(frame.Continuation, true, "")),
		"a length that is too big": {0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		c, f := open()
		n, err := c.Write(append(masked(wstest.Whole(frame.Text, "before")), written...))
		require.Error(t, err, name)
		require.Equal(t, len(masked(wstest.Whole(frame.Text, "before"))), n, name)
		require.Equal(t, []call{{"text", "before", 0}}, f.did(), name)
	}
}

func TestCarriesSaysWhatABrowserSends(t *testing.T) {
	c, _ := open()
	for code := range frame.StatusCode(5100) {
		want := code == 1000 || code == 1005 || code >= 3000 && code < 5000
		require.Equal(t, want, c.Carries(frame.Close, code), code)
	}
	require.False(t, c.Carries(frame.Ping, 0))
	require.False(t, c.Carries(frame.Pong, 1000))
}

func TestWhatTheBrowserThrowsIsTheErrorOfTheWrite(t *testing.T) {
	c, f := open()
	f.refusal = errors.New("not today")
	written := masked(wstest.Whole(frame.Text, "x"))
	n, err := c.Write(written)
	require.ErrorIs(t, err, f.refusal)
	require.Less(t, n, len(written), "it was not sent")
}
