package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	var b strings.Builder
	w := NewWriter(&b, func() time.Time { return at })
	entries := []Entry{
		{Type: "open", URL: "ws://a", Subprotocol: "p"},
		Message(In, websocket.Text, []byte("<ü>")),
		Message(Out, websocket.Text, nil),
		Message(Out, websocket.Binary, []byte{0xff, 0}),
		Control(In, "ping", nil),
		Control(Out, "pong", []byte("x")),
		Control(Out, "pong", []byte{0xff}),
		{Type: "close", Code: 1000, Reason: "r\u009b2J\u202e"}, // which must not drive a terminal
	}
	for _, e := range entries {
		w.Write(e)
	}
	require.NoError(t, w.Err())
	require.Contains(t, b.String(), `{"time":"2026-01-02T03:04:05.000000006Z","type":"text","dir":"in","data":"<ü>"}`+"\n")
	require.Contains(t, b.String(), `"reason":"r\u009b2J\u202e"`)
	require.Contains(t, b.String(), `"type":"binary","dir":"out","base64":"/wA="}`)
	read, err := Read(strings.NewReader(strings.TrimSuffix(b.String(), "\n") + "\n\n"))
	require.NoError(t, err)
	require.Len(t, read, len(entries))
	for i, e := range entries {
		e.Time = at
		require.Equal(t, e, read[i])
		require.Equal(t, i >= 1 && i <= 3, e.IsMessage())
	}
	typ, data, err := read[3].Payload()
	require.NoError(t, err)
	require.Equal(t, websocket.Binary, typ)
	require.Equal(t, []byte{0xff, 0}, data)
}

func TestWhatIsNoRecordingIsNamedByItsLine(t *testing.T) {
	for line, says := range map[string]string{
		`{`:                          "line 2",
		`{"type":"song"}`:            `no type "song"`,
		`{"type":"text","data":"x"}`: "in or out",
		`{"type":"binary","dir":"in","base64":"!"}`: "base64",
	} {
		_, err := Read(strings.NewReader("{\"type\":\"open\"}\n" + line + "\n"))
		require.ErrorContains(t, err, "line 2 of the recording")
		require.ErrorContains(t, err, says)
	}
}

// failing is an output that is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAnErrorOfWritingStays(t *testing.T) {
	w := NewWriter(failing{}, nil)
	w.Write(Entry{Type: "open"})
	w.Write(Entry{Type: "close"})
	require.EqualError(t, w.Err(), "full")
	var none *Writer
	none.Write(Entry{})
	require.NoError(t, none.Err())
}
