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

func TestEachDirectionHasItsOwnContext(t *testing.T) {
	message := strings.Repeat("what was said before ", 20)
	for _, role := range []frame.Role{protocol.Client, protocol.Server} {
		for _, params := range []deflate.Params{{ServerNoContextTakeover: true}, {ClientNoContextTakeover: true}} {
			keeps := params.ServerNoContextTakeover == (role == protocol.Client)
			s := protocol.NewSender(protocol.Options{Role: role, Deflate: &params})
			r := protocol.NewReceiver(protocol.Options{Role: protocol.Client + protocol.Server - role, Deflate: &params})
			var sizes []int
			for range 2 {
				require.NoError(t, s.Message(protocol.Text, []byte(message)))
				wire := write(s, 1<<20)
				sizes = append(sizes, len(wire))
				var ev protocol.Event
				n, err := r.Next(wire, &ev)
				require.NoError(t, err)
				require.Equal(t, len(wire), n)
				require.Equal(t, message, string(ev.Payload))
			}
			require.Equal(t, keeps, sizes[1] < sizes[0], "%v %+v: %v", role, params, sizes)
			r.Release()
			s.ReleasePacker()
		}
	}
}

func TestOnlyPlainPayloadIsExpectedAsItIs(t *testing.T) {
	for role, peer := range map[frame.Role]frame.Role{protocol.Client: protocol.Server, protocol.Server: protocol.Client} {
		for compressed, want := range map[bool]int64{false: 7, true: 0} {
			f := wstest.Whole(frame.Binary, "0123456789")
			if compressed {
				f.RSV = frame.RSV1
			}
			wire := f.Append(nil, peer)
			r := protocol.NewReceiver(protocol.Options{Role: role, Deflate: &deflate.Params{}})
			require.Zero(t, r.Expected())
			var ev protocol.Event
			for in := wire[:len(wire)-7]; len(in) > 0; {
				n, _ := r.Next(in, &ev)
				require.NotZero(t, n)
				in = in[n:]
			}
			require.Equal(t, want, r.Expected(), "%v, compressed: %v", role, compressed)
			r.Release()
		}
	}
}

func TestAReceiverKnowsHowLongMessagesWereAsTheyCame(t *testing.T) {
	message := strings.Repeat("again and ", 50)
	for _, limit := range []int64{-1, 1000} {
		s := protocol.NewSender(protocol.Options{Role: protocol.Client, Deflate: &deflate.Params{}})
		r := protocol.NewReceiver(protocol.Options{ReadLimit: limit, Deflate: &deflate.Params{}})
		for range 2 {
			require.NoError(t, s.Fragment(protocol.Text, []byte(message[:100]), false))
			require.NoError(t, s.Fragment(protocol.Text, []byte(message[100:]), true))
			wire := write(s, 1<<20)
			var ev protocol.Event
			for rest := wire; !ev.Fin; {
				n, err := r.Next(rest, &ev)
				require.NoError(t, err)
				rest = rest[n:]
			}
			require.Equal(t, int64(len(wire)-2*6), r.Packed(), "less the headers")
			_, size := r.Message()
			require.Equal(t, int64(500), size)
		}
		s.SetCompression(false, 0)
		require.NoError(t, s.Message(protocol.Text, []byte(message)))
		var ev protocol.Event
		_, err := r.Next(write(s, 1<<20), &ev)
		require.NoError(t, err)
		require.Equal(t, int64(500), r.Packed())
	}
}

// TestACompressedMessageMayBeTwiceAsLongAsItsLimitAndSome: blocks that come to nothing stand in front of what does.
func TestACompressedMessageMayBeTwiceAsLongAsItsLimitAndSome(t *testing.T) {
	const limit = 1000
	const bound = 2*limit + 64<<10
	const nothing = "\x00\x00\x00\xff\xff"
	hello := "\x00\x05\x00\xfa\xff" + "hello" + "\x00"
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, split := range []int{0, 10, bound - 1} {
			for _, over := range []int{0, len(nothing)} {
				payload := strings.Repeat(nothing, (bound-len(hello)+over)/len(nothing)) + hello
				require.Len(t, payload, bound+over)
				first := wstest.Frame{RSV: frame.RSV1, Opcode: frame.Binary, Payload: []byte(payload[:split])}
				wire := first.Append(nil, 1-role)
				wire = wstest.Part(frame.Continuation, true, payload[split:]).Append(wire, 1-role)
				o := protocol.Options{Deflate: &deflate.Params{}, ReadLimit: limit}
				s := feed(t, role, o, wire, 0, whole)
				if over > 0 {
					require.ErrorIs(t, s.err, protocol.ErrMessageTooBig)
					require.Empty(t, s.events)
					continue
				}
				require.NoError(t, s.err)
				require.Equal(t, []protocol.Event{{Kind: protocol.Data, Type: protocol.Binary, Payload: []byte("hello"), Fin: true}}, s.events)
			}
		}
	})
}
