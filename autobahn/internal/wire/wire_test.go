package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func reader(b []byte, fromClient bool) *Reader {
	return NewReader(bufio.NewReader(bytes.NewReader(b)), fromClient)
}

// The examples of RFC 6455 §5.7.
func TestTheExamplesOfTheSpecificationAreReadAndWritten(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for name, x := range map[string]struct {
		bytes   string
		header  Header
		payload string
	}{
		"unmasked text":   {"\x81\x05Hello", Header{Fin: true, Opcode: Text}, "Hello"},
		"masked text":     {"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", Header{Fin: true, Opcode: Text, Masked: true, Key: key}, "Hello"},
		"first fragment":  {"\x01\x03Hel", Header{Opcode: Text}, "Hel"},
		"last fragment":   {"\x80\x02lo", Header{Fin: true, Opcode: Continuation}, "lo"},
		"ping":            {"\x89\x05Hello", Header{Fin: true, Opcode: Ping}, "Hello"},
		"masked pong":     {"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", Header{Fin: true, Opcode: Pong, Masked: true, Key: key}, "Hello"},
		"256 bytes":       {"\x82\x7e\x01\x00" + string(make([]byte, 256)), Header{Fin: true, Opcode: Binary}, string(make([]byte, 256))},
		"64 kibibytes":    {"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + string(make([]byte, 65536)), Header{Fin: true, Opcode: Binary}, string(make([]byte, 65536))},
		"the RSV1 bit":    {"\xc1\x00", Header{Fin: true, RSV: 4, Opcode: Text}, ""},
		"300,000 bytes":   {"\x82\x7f\x00\x00\x00\x00\x00\x04\x93\xe0" + string(make([]byte, 300000)), Header{Fin: true, Opcode: Binary}, string(make([]byte, 300000))},
		"65535, 16 bits ": {"\x82\x7e\xff\xff" + string(make([]byte, 65535)), Header{Fin: true, Opcode: Binary}, string(make([]byte, 65535))},
	} {
		require.Equal(t, x.bytes, string(AppendFrame(nil, x.header, []byte(x.payload))), name)
		r := reader([]byte(x.bytes), x.header.Masked)
		f, err := r.Next()
		require.NoError(t, err, name)
		x.header.Len = int64(len(x.payload))
		require.Equal(t, x.header, f.Header, name)
		require.Equal(t, x.payload, string(f.Payload), name)
		require.EqualValues(t, len(x.bytes), r.Bytes(), name)
		_, err = r.Next()
		require.Equal(t, io.EOF, err, name)
	}
}

func TestBreachesOfTheFramingAreViolations(t *testing.T) {
	for name, x := range map[string]struct {
		bytes      string
		fromClient bool
		code       int
		lost       bool
	}{
		"a server masks":             {"\x81\x80\x00\x00\x00\x00", false, 1002, false},
		"a client does not":          {"\x81\x00", true, 1002, false},
		"125 in 16 bits":             {"\x81\x7e\x00\x7d", false, 1002, true},
		"65535 in 64 bits":           {"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", false, 1002, true},
		"the most significant bit":   {"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", false, 1002, true},
		"more than the suite reads ": {"\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00", false, 1009, true},
	} {
		_, err := reader([]byte(x.bytes), x.fromClient).Next()
		var v *Violation
		require.ErrorAs(t, err, &v, name)
		require.Equal(t, x.code, v.Code, name)
		require.Equal(t, x.lost, v.Lost, name)
		require.NotEmpty(t, v.Error(), name)
	}
}

func TestTheEndOfTheStreamInsideAFrameIsUnexpected(t *testing.T) {
	whole := AppendFrame(nil, Header{Fin: true, Opcode: Binary, Masked: true, Key: [4]byte{1, 2, 3, 4}}, make([]byte, 70000))
	for _, n := range []int{1, 2, 5, 9, 12, 14, 15, 69999} {
		_, err := reader(whole[:n], true).Next()
		require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || n == 1 && err != nil, "%d bytes: %v", n, err)
	}
}

func TestPartsAreMaskedWhereTheyStand(t *testing.T) {
	h := Header{Masked: true, Key: [4]byte{1, 2, 3, 4}}
	data := []byte("the quick brown fox jumps over the lazy dog")
	want := AppendPart(nil, h, 0, data)
	for cut := range data {
		require.Equal(t, want, AppendPart(AppendPart(nil, h, 0, data[:cut]), h, cut, data[cut:]), cut)
	}
	for i := range want {
		require.Equal(t, data[i]^h.Key[i&3], want[i])
	}
}

func TestOpcodesHaveNames(t *testing.T) {
	require.Equal(t, "text", Name(Text))
	require.Equal(t, "close", Name(Close))
	require.Equal(t, "binary", Name(Binary))
	require.Equal(t, "continuation", Name(Continuation))
	require.Equal(t, "ping", Name(Ping))
	require.Equal(t, "pong", Name(Pong))
	require.Equal(t, "reserved 11", Name(11))
	require.True(t, Header{Opcode: 11}.IsControl())
	require.NotEqual(t, RandomKey(), RandomKey())
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), true)
	f.Add([]byte("\x81\x7e\x00\x80"), false)
	f.Fuzz(func(t *testing.T, b []byte, fromClient bool) {
		whole, slow := reader(b, fromClient), NewReader(bufio.NewReader(iotest.OneByteReader(bytes.NewReader(b))), fromClient)
		var again []byte
		for {
			f, err := whole.Next()
			g, errSlow := slow.Next()
			require.Equal(t, err, errSlow)
			require.Equal(t, f, g)
			if err != nil {
				break
			}
			again = AppendFrame(again, f.Header, f.Payload)
		}
		require.True(t, bytes.HasPrefix(b, again), "what was read is written the same")
	})
}

func FuzzValidUTF8(f *testing.F) {
	for _, s := range []string{"", "a", "\u03ba\u1f79", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc0\x80", "\xf0\x8f\xbf\xbf"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		require.Equal(t, utf8.Valid(b), ValidUTF8(b))
		var u UTF8
		for i := range b {
			if !u.Add(b[i : i+1]) {
				break
			}
		}
		require.Equal(t, utf8.Valid(b), u.Complete(), "byte by byte")
	})
}

func TestValidUTF8AgreesOnEveryShortSequence(t *testing.T) {
	for _, a := range []byte{0, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff} {
		for b := range 256 {
			for _, rest := range []string{"", "\x80", "\xbf", "\x7f", "\x80\x80", "\xbf\xbf", "\xbf\xc0", "\x80\x80\x80"} {
				s := append([]byte{a, byte(b)}, rest...)
				require.Equal(t, utf8.Valid(s), ValidUTF8(s), "% x", s)
			}
		}
	}
}

func TestTextThatHasGoneWrongStaysWrong(t *testing.T) {
	var u UTF8
	require.True(t, u.Add([]byte("\xce")))
	require.False(t, u.Complete(), "a character is cut short")
	require.True(t, u.Add([]byte("\xba12345678")))
	require.True(t, u.Complete())
	require.False(t, u.Add([]byte("\xed\xa0\x80")))
	require.True(t, u.Add(nil))
	require.False(t, u.Add([]byte("12345678")))
	require.False(t, u.Complete())
}
