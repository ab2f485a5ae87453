package show

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestJSONIsLaidOutAndNothingElseIs(t *testing.T) {
	for data, want := range map[string]string{
		`{"b":1.50,"a":[1e3,null],"b":"x\u0000"}`: `{"b":1.50,"a":[1e3,null],"b":"x\u0000"}`,
		"{\"a\":\n1}":                            "{\n  \"a\": 1\n}",
		`["` + strings.Repeat("x", short) + `"]`: "[\n  \"" + strings.Repeat("x", short) + "\"\n]",
	} {
		got, ok := JSON([]byte(data), false)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, data := range []string{"", " ", "12", `"text"`, "{", `{"a":1} x`, "[1,]", "plain"} {
		_, ok := JSON([]byte(data), true)
		require.False(t, ok, data)
	}
}

func TestColoursDoNotChangeTheText(t *testing.T) {
	const data = `{"k" : ["\"\\", -1.5e+3, true, null, "ü"], "o":{}}`
	got, ok := JSON([]byte(data), true)
	require.True(t, ok)
	require.Contains(t, got, keyColour+`"k"`+plain)
	require.Contains(t, got, stringColour+`"\"\\"`+plain)
	require.Contains(t, got, numberColour+`-1.5e+3`+plain)
	require.Contains(t, got, literalColour+`null`+plain)
	for _, colour := range []string{keyColour, stringColour, numberColour, literalColour, plain} {
		got = strings.ReplaceAll(got, colour, "")
	}
	require.Equal(t, data, got)
}

func TestPeopleSeeTimeAndDirection(t *testing.T) {
	var out, notices strings.Builder
	p := &Printer{Out: &out, Notices: &notices, Pretty: true, Binary: "hex", Now: func() time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.Local)
	}}
	require.NoError(t, p.Message(websocket.Text, []byte("a\nb\x07")))
	require.NoError(t, p.Sent(websocket.Text, []byte("c")))
	require.NoError(t, p.Message(websocket.Binary, make([]byte, longestDump+1)))
	p.Notice("n\x1b")
	p.Problem("p")
	require.Contains(t, out.String(), "03:04:05.678 < a\n               b␇\n03:04:05.678 > c\n03:04:05.678 < binary, 4097 bytes\n               00000000  00 ")
	require.Contains(t, out.String(), "… 1 bytes more: -binary DIR keeps them\n")
	require.Equal(t, "03:04:05.678 n␛\n03:04:05.678 p\n", notices.String())

	out.Reset()
	p.Colour = true
	require.NoError(t, p.Message(websocket.Text, []byte("a")))
	require.Equal(t, dim+"03:04:05.678"+plain+" "+inColour+"<"+plain+" a\n", out.String())
}

func TestTheWaysToPrintBinaryAreChecked(t *testing.T) {
	for _, mode := range []string{"hex", "raw", "base64", t.TempDir()} {
		require.NoError(t, CheckBinary(mode))
	}
	require.ErrorContains(t, CheckBinary("raws"), "-binary is hex, raw, base64 or a directory")
}

func TestFilesOfEarlierRunsStay(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"first", "second"} {
		var out strings.Builder
		p := &Printer{Out: &out, Notices: &out, Binary: dir}
		require.NoError(t, p.Message(websocket.Binary, []byte(text)))
		name := strings.TrimSpace(out.String()[strings.Index(out.String(), dir):])
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, text, string(kept))
	}
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Error(t, (&Printer{Binary: dir + "/no/such"}).Message(websocket.Binary, nil))
}

func TestNoticesStayOnTheirLine(t *testing.T) {
	var out strings.Builder
	p := &Printer{Out: &out, Notices: &out}
	p.Problem("closed: %s", "bye\nws: connected to wss://bank.example")
	require.Equal(t, "ws: closed: bye␊ws: connected to wss://bank.example\n", out.String())
}
