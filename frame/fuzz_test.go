package frame_test

import (
	"encoding/binary"
	"errors"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// slowParse reads a header as the figure of §5.2 draws it, bit by bit. ok is false if b is too short.
func slowParse(b []byte) (h frame.Header, n int, ok, shortest bool) {
	bits := func(from, count int) *big.Int {
		v := new(big.Int)
		for i := from; i < from+count; i++ {
			v.Lsh(v, 1)
			v.Or(v, big.NewInt(int64(b[i/8]>>(7-i%8)&1)))
		}
		return v
	}
	if len(b) < 2 {
		return h, 0, false, false
	}
	length, least, n := bits(9, 7), int64(0), 2
	switch length.Int64() {
	case 126:
		least, n = 126, 4
	case 127:
		least, n = 65536, 10
	}
	if len(b) < n {
		return h, 0, false, false
	}
	if n > 2 {
		length = bits(16, 8*(n-2))
	}
	if length.Cmp(big.NewInt(least)) < 0 || !length.IsInt64() {
		return h, 0, true, false
	}
	h = frame.Header{
		Fin: bits(0, 1).Sign() == 1, RSV: frame.RSV(bits(1, 3).Uint64()), Opcode: frame.Opcode(bits(4, 4).Uint64()),
		Masked: bits(8, 1).Sign() == 1, Length: length.Int64(),
	}
	if h.Masked {
		if len(b) < n+4 {
			return frame.Header{}, 0, false, false
		}
		n += copy(h.Key[:], b[n:])
	}
	return h, n, true, true
}

func FuzzParseEqualsASlowReferenceAndGoesBack(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.wire)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := frame.Parse(b)
		want, size, whole, shortest := slowParse(b)
		switch {
		case !whole:
			require.NoError(t, err)
			require.Zero(t, n)
			require.Zero(t, h)
		case !shortest:
			var p *frame.ProtocolError
			require.ErrorAs(t, err, &p)
			require.Equal(t, "5.2", p.Section)
		default:
			require.NoError(t, err)
			require.Equal(t, size, n)
			require.Equal(t, want, h)
			require.Equal(t, n, h.Size())
			require.Equal(t, b[:n], h.Append(nil), "the shortest form is the only one")
			_, early, err := frame.Parse(b[: n-1 : n-1])
			require.NoError(t, err)
			require.Zero(t, early)
		}
	})
}

func FuzzAppendedHeadersParseToThemselves(f *testing.F) {
	f.Add(byte(0x81), true, uint32(0x37fa213d), int64(5))
	f.Add(byte(0x02), false, uint32(0), int64(65536))
	f.Fuzz(func(t *testing.T, first byte, masked bool, key uint32, length int64) {
		h := frame.Header{
			Fin: first >= 0x80, RSV: frame.RSV(first >> 4 & 7), Opcode: frame.Opcode(first & 15), Masked: masked,
			Length: length,
		}
		if masked {
			binary.BigEndian.PutUint32(h.Key[:], key)
		}
		b := h.Append([]byte("before"))
		got, n, err := frame.Parse(b[len("before"):])
		if length < 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, h, got)
		require.Equal(t, len(b)-len("before"), n)
		require.Equal(t, h.Size(), n)
	})
}

// FuzzCheckerEqualsTheMatrix reads two bytes as a header each: the first is that of the wire, the second says whether it
// is masked and longer than a control frame may be.
func FuzzCheckerEqualsTheMatrix(f *testing.F) {
	f.Add(false, byte(0), []byte("\x01\x80\x89\x80\x00\x80\x80\x80"))
	f.Add(true, byte(4), []byte("\x41\x00\x8a\x01\x40\x00\x80\x00"))
	f.Fuzz(func(t *testing.T, client bool, claimed byte, headers []byte) {
		role := frame.Server
		if client {
			role = frame.Client
		}
		c := frame.Checker{Role: role, Claimed: frame.RSV(claimed & 7)}
		r := &reference{role: role, claimed: frame.RSV(claimed & 7)}
		for ; len(headers) >= 2; headers = headers[2:] {
			first, second := headers[0], headers[1]
			agree(t, &c, r, frame.Header{
				Fin: first >= 0x80, RSV: frame.RSV(first >> 4 & 7), Opcode: frame.Opcode(first & 15),
				Masked: second >= 0x80, Length: int64(second&0x7f) * 2,
			})
		}
	})
}

func FuzzCloseBodiesGoThereAndBack(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\x03"))
	f.Add([]byte("\x03\xe8bye"))
	f.Add([]byte("\x03\xedbye"))
	f.Add([]byte("\x0b\xb8\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		code, reason, err := frame.ParseClose(body)
		valid := len(body) == 0 || len(body) >= 2 && mayBeSent(binary.BigEndian.Uint16(body)) && utf8.Valid(body[2:])
		require.Equal(t, valid, err == nil)
		if err != nil {
			require.ErrorAs(t, err, new(*frame.ProtocolError))
			return
		}
		again, err := frame.AppendClose(nil, code, reason)
		if len(body) > frame.MaxControlPayload {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, string(body), string(again))
	})
}

func FuzzAppendedCloseBodiesParseToThemselves(f *testing.F) {
	f.Add(uint16(1000), "bye")
	f.Add(uint16(1005), "")
	f.Add(uint16(1005), "reason without a code")
	f.Add(uint16(4999), strings.Repeat("é", 62))
	f.Fuzz(func(t *testing.T, code uint16, reason string) {
		body, err := frame.AppendClose(nil, frame.StatusCode(code), reason)
		valid := mayBeSent(code) && len(reason) <= 123 && utf8.ValidString(reason) || code == 1005 && reason == ""
		require.Equal(t, valid, err == nil)
		if err != nil {
			var p *frame.ProtocolError
			require.True(t, errors.As(err, &p))
			require.Empty(t, body)
			return
		}
		gotCode, gotReason, err := frame.ParseClose(body)
		require.NoError(t, err)
		require.Equal(t, frame.StatusCode(code), gotCode)
		require.Equal(t, reason, gotReason)
	})
}
