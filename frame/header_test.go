package frame_test

import (
	"encoding/binary"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
)

// rfcKey is the masking key of the examples in §5.7.
var rfcKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// golden is a frame whose wire form is published in §5.7.
type golden struct {
	name    string
	header  frame.Header
	payload string
	wire    []byte // of a long example, the header only
}

// goldens are all the examples of §5.7, in their order.
var goldens = []golden{
	{
		"a single-frame unmasked text message",
		frame.Header{Fin: true, Opcode: frame.Text, Length: 5}, "Hello",
		[]byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f},
	},
	{
		"a single-frame masked text message",
		frame.Header{Fin: true, Opcode: frame.Text, Masked: true, Key: rfcKey, Length: 5}, "Hello",
		[]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
	},
	{
		"the first fragment of an unmasked text message",
		frame.Header{Opcode: frame.Text, Length: 3}, "Hel",
		[]byte{0x01, 0x03, 0x48, 0x65, 0x6c},
	},
	{
		"the second fragment of an unmasked text message",
		frame.Header{Fin: true, Length: 2}, "lo",
		[]byte{0x80, 0x02, 0x6c, 0x6f},
	},
	{
		"an unmasked ping",
		frame.Header{Fin: true, Opcode: frame.Ping, Length: 5}, "Hello",
		[]byte{0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f},
	},
	{
		"a masked pong",
		frame.Header{Fin: true, Opcode: frame.Pong, Masked: true, Key: rfcKey, Length: 5}, "Hello",
		[]byte{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
	},
	{
		"256 octets of binary data in a single unmasked frame",
		frame.Header{Fin: true, Opcode: frame.Binary, Length: 256}, "",
		[]byte{0x82, 0x7e, 0x01, 0x00},
	},
	{
		"64 KiB of binary data in a single unmasked frame",
		frame.Header{Fin: true, Opcode: frame.Binary, Length: 65536}, "",
		[]byte{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0},
	},
}

func TestTheExamplesOfTheRFCAreEncodedAsPublished(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			b := g.header.Append(nil)
			require.Len(t, b, g.header.Size())
			start := len(b)
			b = append(b, g.payload...)
			if g.header.Masked {
				mask.XOR(g.header.Key, 0, b[start:])
			}
			require.Equal(t, g.wire, b)
		})
	}
}

func TestTheExamplesOfTheRFCAreParsedAsMeant(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h, n, err := frame.Parse(g.wire)
			require.NoError(t, err)
			require.Equal(t, g.header, h)
			payload := append([]byte{}, g.wire[n:]...)
			if h.Masked {
				mask.XOR(h.Key, 0, payload)
			}
			require.Equal(t, g.payload, string(payload))
		})
	}
}

// headers are of every shape, with the wire form of their second byte and length.
var headers = []struct {
	length int64
	wire   []byte // second byte without the mask bit, and the extended length
}{
	{0, []byte{0}},
	{1, []byte{1}},
	{125, []byte{125}},
	{126, []byte{126, 0, 126}},
	{127, []byte{126, 0, 127}},
	{255, []byte{126, 0, 255}},
	{256, []byte{126, 1, 0}},
	{65535, []byte{126, 0xff, 0xff}},
	{65536, []byte{127, 0, 0, 0, 0, 0, 1, 0, 0}},
	{1 << 30, []byte{127, 0, 0, 0, 0, 0x40, 0, 0, 0}},
	{math.MaxInt32, []byte{127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}},
	{math.MaxInt32 + 1, []byte{127, 0, 0, 0, 0, 0x80, 0, 0, 0}},
	{math.MaxUint32, []byte{127, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
	{math.MaxUint32 + 1, []byte{127, 0, 0, 0, 1, 0, 0, 0, 0}},
	{1 << 62, []byte{127, 0x40, 0, 0, 0, 0, 0, 0, 0}},
	{math.MaxInt64, []byte{127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
}

// eachHeader calls f for every combination of first byte, masking and length, with its wire form.
func eachHeader(f func(h frame.Header, wire []byte)) {
	for first := range 256 {
		for _, masked := range []bool{false, true} {
			for _, l := range headers {
				h := frame.Header{
					Fin: first >= 0x80, RSV: frame.RSV(first >> 4 & 7), Opcode: frame.Opcode(first & 15),
					Masked: masked, Length: l.length,
				}
				wire := append([]byte{byte(first)}, l.wire...)
				if masked {
					h.Key = rfcKey
					wire[1] |= 0x80
					wire = append(wire, rfcKey[:]...)
				}
				f(h, wire)
			}
		}
	}
}

func TestEveryShapeOfHeaderGoesThereAndBack(t *testing.T) {
	eachHeader(func(h frame.Header, wire []byte) {
		require.Equal(t, append([]byte("before"), wire...), h.Append([]byte("before")))
		require.Equal(t, len(wire), h.Size())
		require.LessOrEqual(t, len(wire), frame.MaxHeaderSize)
		for _, behind := range []string{"", "payload"} {
			got, n, err := frame.Parse(append(wire[:len(wire):len(wire)], behind...))
			require.NoError(t, err)
			require.Equal(t, len(wire), n)
			require.Equal(t, h, got)
		}
	})
}

func TestAHeaderThatIsNotWholeAsksForMore(t *testing.T) {
	eachHeader(func(_ frame.Header, wire []byte) {
		for end := range wire {
			h, n, err := frame.Parse(wire[:end:end])
			require.NoError(t, err)
			require.Zero(t, n)
			require.Zero(t, h)
		}
	})
}

func TestAHeaderThatIsParsedIntoIsSetAsAWholeOrNotAtAll(t *testing.T) {
	old := frame.Header{Fin: true, RSV: frame.RSV2, Opcode: frame.Ping, Masked: true, Key: rfcKey, Length: 7}
	for _, wire := range [][]byte{
		nil, {0x01}, {0x01, 0x05}, {0x41, 0x85, 1, 2, 3}, {0x41, 0x85, 1, 2, 3, 4}, {0x82, 126, 1}, {0x82, 126, 0, 1}, {0x82, 126, 1, 0},
		{0x82, 127, 0, 0, 0, 0, 0, 1, 0}, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0},
	} {
		want, wantN, wantErr := frame.Parse(wire)
		h := old
		n, err := h.Parse(wire)
		require.Equal(t, wantN, n)
		require.Equal(t, wantErr, err)
		switch {
		case n == 0:
			want = old
		case !want.Masked:
			want.Key = old.Key
		}
		require.Equal(t, want, h, "% x", wire)
	}
}

func TestLengthsThatAreNotInTheirShortestFormAreRefused(t *testing.T) {
	refuse := func(reason string, b ...byte) {
		for _, masked := range []byte{0, 0x80} {
			b[1] = b[1]&0x7f | masked
			h, n, err := frame.Parse(b)
			requireProtocolError(t, err, frame.StatusProtocolError, "5.2", reason)
			require.Zero(t, n)
			require.Zero(t, h)
		}
	}
	const notShortest = "payload length not in its shortest form"
	for length := range uint16(126) {
		refuse(notShortest, 0x82, 126, byte(length>>8), byte(length))
	}
	for _, length := range []uint64{0, 1, 125, 126, 127, 255, 65534, 65535} {
		refuse(notShortest, binary.BigEndian.AppendUint64([]byte{0x82, 127}, length)...)
	}
	for _, length := range []uint64{1 << 63, 1<<63 + 1, 1<<63 | 1<<62, math.MaxUint64} {
		refuse("payload length has its most significant bit set", binary.BigEndian.AppendUint64([]byte{0x82, 127}, length)...)
	}
}

func TestANegativeLengthIsEncodedAsOneThatEveryReceiverRefuses(t *testing.T) {
	for _, length := range []int64{-1, math.MinInt64, -126} {
		b := (&frame.Header{Fin: true, Opcode: frame.Binary, Length: length}).Append(nil)
		require.Len(t, b, 10)
		_, _, err := frame.Parse(b)
		require.Error(t, err)
	}
}

func TestOpcodesKnowTheirKindAndName(t *testing.T) {
	type kind struct {
		name              string
		control, reserved bool
	}
	want := [16]kind{
		0:  {"continuation", false, false},
		1:  {"text", false, false},
		2:  {"binary", false, false},
		3:  {"0x3", false, true},
		4:  {"0x4", false, true},
		5:  {"0x5", false, true},
		6:  {"0x6", false, true},
		7:  {"0x7", false, true},
		8:  {"close", true, false},
		9:  {"ping", true, false},
		10: {"pong", true, false},
		11: {"0xb", true, true},
		12: {"0xc", true, true},
		13: {"0xd", true, true},
		14: {"0xe", true, true},
		15: {"0xf", true, true},
	}
	for i, k := range want {
		o := frame.Opcode(i)
		require.Equal(t, k, kind{o.String(), o.IsControl(), o.IsReserved()}, strconv.Itoa(i))
	}
}

func TestOnlyAClientMasks(t *testing.T) {
	require.True(t, frame.Client.Masks())
	require.False(t, frame.Server.Masks())
	require.Equal(t, "client", frame.Client.String())
	require.Equal(t, "server", frame.Server.String())
}

// requireProtocolError requires err to be exactly this breach, with words that fit into a close frame.
func requireProtocolError(t *testing.T, err error, code frame.StatusCode, section, reason string) {
	t.Helper()
	var p *frame.ProtocolError
	require.ErrorAs(t, err, &p)
	require.Equal(t, frame.ProtocolError{Code: code, Section: section, Reason: reason}, *p)
	require.Equal(t, "websocket: "+reason+" (RFC 6455 section "+section+")", err.Error())
	_, tooLong := frame.AppendClose(nil, p.Code, p.Reason)
	require.NoError(t, tooLong)
}
