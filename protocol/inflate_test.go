package protocol_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

func TestWhatIsDecompressedIsToldBeforeItIsDone(t *testing.T) {
	peer := func(f wstest.Frame) []byte { return f.Append(nil, frame.Client) }
	r := protocol.NewReceiver(protocol.Options{Deflate: &deflate.Params{}})
	packed := (&deflate.Params{}).Compressor(false, nil).Append(nil, []byte(strings.Repeat("long", 100)))
	whole := wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: packed}
	require.True(t, r.Inflates(peer(whole)))
	require.False(t, r.Inflates(peer(wstest.Whole(frame.Text, "short"))))
	require.False(t, r.Inflates(peer(wstest.Whole(frame.Ping, "ping"))))
	require.False(t, r.Inflates(nil))
	first := peer(wstest.Frame{RSV: frame.RSV1, Opcode: frame.Text, Payload: packed[:5]})
	var ev protocol.Event
	n, err := r.Next(first, &ev)
	require.NoError(t, err)
	require.Equal(t, len(first), n)
	require.True(t, r.Inflates(peer(wstest.Part(frame.Continuation, true, string(packed[5:])))))
}
