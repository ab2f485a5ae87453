package protocol_test

import (
	"math"
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

func TestCompressedMessagesGoWhereTheDriverSays(t *testing.T) {
	message := strings.Repeat("0123456789", 10)
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: 1 - role, Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{MinSize: -1}})
		r := protocol.NewReceiver(protocol.Options{Role: role, Deflate: &deflate.Params{}})
		out := make([]byte, 150)
		r.SetOutput(out)
		var ev protocol.Event
		for i := range 2 {
			require.NoError(t, s.Message(protocol.Text, []byte(message)))
			wire := write(s, 1000)
			n, err := r.Next(wire, &ev)
			require.NoError(t, err)
			require.Equal(t, protocol.Data, ev.Kind)
			require.Same(t, &out[i*100], &ev.Payload[0], "one behind the other")
			if i == 0 {
				require.True(t, ev.Fin)
				require.Equal(t, message, string(ev.Payload))
				continue
			}
			require.False(t, ev.Fin)
			require.Equal(t, message[:50], string(ev.Payload))
			wire = wire[n:]
			_, err = r.Next(wire, &ev)
			require.NoError(t, err)
			require.Equal(t, protocol.NeedOutput, ev.Kind)
			more := make([]byte, 150)
			r.SetOutput(more)
			_, err = r.Next(wire, &ev)
			require.NoError(t, err)
			require.True(t, ev.Fin)
			require.Same(t, &more[0], &ev.Payload[0])
			require.Equal(t, message[50:], string(ev.Payload))
		}
		r.Release()
	})
}

func TestACompressedMessageMayBeAsLongAsItsLimit(t *testing.T) {
	const limit = 100
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, output := range []int{0, 10, limit, 1000} {
			for _, over := range []int{0, 1} {
				s := protocol.NewSender(protocol.Options{Role: 1 - role, Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{MinSize: -1}})
				require.NoError(t, s.Message(protocol.Binary, make([]byte, limit+over)))
				o := protocol.Options{ReadLimit: limit, Deflate: &deflate.Params{}}
				got := feed(t, role, o, write(s, 1000), output, whole)
				if over > 0 {
					require.Equal(t, protocol.ErrMessageTooBig, got.err)
				} else {
					require.NoError(t, got.err)
				}
				require.Len(t, got.events[0].Payload, limit)
				require.Equal(t, over == 0, got.events[0].Fin)
			}
		}
	})
}

func TestWithoutALimitACompressedMessageMayBeAnything(t *testing.T) {
	payload := strings.Repeat("\x00\x00\x00\xff\xff", 30_000) + "\x00"
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, limit := range []int64{-1, math.MaxInt64} {
			wire := wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: []byte(payload)}.Append(nil, 1-role)
			s := feed(t, role, protocol.Options{Deflate: &deflate.Params{}, ReadLimit: limit}, wire, 0, whole)
			require.NoError(t, s.err)
			require.Len(t, s.events, 1)
			require.Empty(t, s.events[0].Payload)
		}
	})
}

func TestAllOfAFragmentIsToldBeforeTheNextComes(t *testing.T) {
	message := strings.Repeat("0123456789", 10)
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, output := range []int{0, 7, 10, 100, 1000} {
			s := protocol.NewSender(protocol.Options{Role: 1 - role, Deflate: &deflate.Params{}})
			require.NoError(t, s.Fragment(protocol.Text, []byte(message), false))
			got := feed(t, role, protocol.Options{Deflate: &deflate.Params{}}, write(s, 1000), output, whole)
			require.NoError(t, got.err)
			require.Equal(t, []protocol.Event{{Kind: protocol.Data, Type: protocol.Text, Payload: []byte(message)}}, got.events)
		}
	})
}
