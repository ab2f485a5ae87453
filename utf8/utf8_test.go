package utf8_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	stdlib "unicode/utf8"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/utf8"
)

var _ io.Writer = (*utf8.Validator)(nil)

// cases are texts and almost-texts; what is right for each comes from the oracle, not from here.
var cases = map[string]string{
	"nothing":                      "",
	"ASCII":                        "Hello",
	"NUL":                          "a\x00b",
	"Greek":                        "κόσμε",
	"Chinese":                      "你好，世界",
	"emoji":                        "👩‍🚀🚀",
	"mixed lengths":                "a¢€𝄞a",
	"first of two bytes":           "\u0080",
	"last of two bytes":            "\u07ff",
	"first of three bytes":         "\u0800",
	"last of three bytes":          "\uffff",
	"first of four bytes":          "\U00010000",
	"last code point":              "\U0010ffff",
	"byte order mark":              "\ufeffx",
	"non-characters":               "\ufffe\ufdd0\U0001fffe",
	"before the surrogates":        "\ud7ff",
	"after the surrogates":         "\ue000",
	"first surrogate":              "ab\xed\xa0\x80cd",
	"last surrogate":               "ab\xed\xbf\xbfcd",
	"surrogate pair":               "\xed\xa0\xbd\xed\xb8\x80",
	"overlong slash, two bytes":    "ab\xc0\xafcd",
	"overlong slash, three bytes":  "ab\xe0\x80\xafcd",
	"overlong slash, four bytes":   "ab\xf0\x80\x80\xafcd",
	"overlong NUL":                 "\xc0\x80",
	"last overlong, two bytes":     "\xc1\xbf",
	"last overlong, three bytes":   "\xe0\x9f\xbf",
	"last overlong, four bytes":    "\xf0\x8f\xbf\xbf",
	"first above U+10FFFF":         "ab\xf4\x90\x80\x80cd",
	"far above U+10FFFF":           "\xf7\xbf\xbf\xbf",
	"five bytes":                   "\xf8\x88\x80\x80\x80",
	"six bytes":                    "\xfc\x84\x80\x80\x80\x80",
	"byte FE":                      "a\xfe",
	"byte FF":                      "a\xff",
	"lone continuation":            "a\x80b",
	"continuations":                "\x80\x81\x82\x83\x84",
	"a continuation too many":      "é\x80",
	"truncated two":                "ab\xc3",
	"truncated three after one":    "ab\xe4",
	"truncated three after two":    "ab\xe4\xbd",
	"truncated four after one":     "ab\xf0",
	"truncated four after two":     "ab\xf0\x9f",
	"truncated four after three":   "ab\xf0\x9f\x9a",
	"interrupted two":              "ab\xc3cd",
	"interrupted three":            "ab\xe4\xbdcd",
	"interrupted four":             "ab\xf0\x9f\x9acd",
	"interrupted by a start":       "\xe4\xbd\xe4\xbd\xa0",
	"conformance suite's bad text": "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
	"long and good":                strings.Repeat("plain text, 纯文本, ", 3),
	"long and bad at its end":      strings.Repeat("plain text, ", 3) + "\xf4\x90",
}

// begins is the oracle: whether p begins some valid text, by the standard library alone.
func begins(p []byte) bool {
	for len(p) > 0 {
		if !stdlib.FullRune(p) {
			return true
		}
		r, size := stdlib.DecodeRune(p)
		if r == stdlib.RuneError && size == 1 {
			return false
		}
		p = p[size:]
	}
	return true
}

// firstBad returns the index of the first byte with which p stops being the beginning of a valid text, or len(p).
func firstBad(p []byte) int {
	for n := range p {
		if !begins(p[:n+1]) {
			return n
		}
	}
	return len(p)
}

// feed writes pieces to a validator and returns how many bytes it took in all before it failed, if it did.
func feed(v *utf8.Validator, pieces ...[]byte) (int, error) {
	total := 0
	for _, p := range pieces {
		n, err := v.Write(p)
		total += n
		if err != nil {
			return total, err
		}
		if n != len(p) {
			return total, io.ErrShortWrite
		}
	}
	return total, nil
}

// check compares what the validator says of text, fed in pieces, with the oracle.
func check(t *testing.T, text []byte, bad int, pieces ...[]byte) {
	t.Helper()
	var v utf8.Validator
	n, err := feed(&v, pieces...)
	if n != bad || (bad < len(text)) != (err != nil) || v.Complete() != stdlib.Valid(text) {
		require.Failf(t, "differs from the oracle", "%q in pieces %q: %d good bytes of %d, %v, complete %v",
			text, pieces, n, bad, err, v.Complete())
	}
}

func TestEverySplitOfEveryCaseEqualsTheStandardLibrary(t *testing.T) {
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			text := []byte(s)
			bad := firstBad(text)
			require.Equal(t, stdlib.Valid(text), utf8.Valid(text))
			check(t, text, bad, bytes.SplitAfter(text, nil)...) // character by character
			single := make([][]byte, len(text))
			for i := range text {
				single[i] = text[i : i+1]
			}
			check(t, text, bad, single...)
			for i := range len(text) + 1 {
				for j := i; j <= len(text); j++ {
					check(t, text, bad, text[:i], text[i:j], text[j:])
				}
			}
		})
	}
}

func TestEveryCodePointIsValidBytewiseAndNoSurrogateIs(t *testing.T) {
	for r := rune(0); r <= stdlib.MaxRune; r++ {
		text := []byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f}
		bad := 1 // of a surrogate in the three-byte form it would have, the second byte is wrong
		if stdlib.ValidRune(r) {
			text = stdlib.AppendRune(nil, r)
			bad = len(text)
		}
		check(t, text, bad, text)
		pieces := [4][]byte{}
		for i := range text {
			pieces[i] = text[i : i+1]
		}
		check(t, text, bad, pieces[:]...)
	}
}

func TestEverySequenceOfFourByteClassesEqualsTheStandardLibrary(t *testing.T) {
	// Both ends of each range of RFC 3629 §4: every transition of the grammar, and every way out of it.
	edges := []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff")
	text := make([]byte, 4)
	for i := range len(edges) * len(edges) * len(edges) * len(edges) {
		for j := range text {
			text[j] = edges[i%len(edges)]
			i /= len(edges)
		}
		bad := firstBad(text)
		check(t, text, bad, text)
		check(t, text, bad, text[:1], text[1:2], text[2:3], text[3:])
	}
}

func TestWriteFailsAtTheFirstByteThatCannotContinue(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
	}{
		{"ab\xed\xa0\x80cd", 3},                    // the second byte makes it a surrogate
		{"ab\xe0\x80\xaf", 3},                      // the second byte makes it overlong
		{"ab\xf4\x90\x80\x80", 3},                  // the second byte puts it above U+10FFFF
		{"ab\xc0\xaf", 2},                          // the first byte already is overlong
		{"ab\xf5", 2},                              // the first byte already is above U+10FFFF
		{"ab\xe4\xbdcd", 4},                        // the character lacks its third byte
		{"ab\x80", 2},                              // nothing to continue
		{strings.Repeat("a", 1000) + "\xff", 1000}, // far behind good text
	} {
		var v utf8.Validator
		n, err := v.Write([]byte(c.text))
		require.ErrorIs(t, err, utf8.ErrInvalid, "%q", c.text)
		require.Equal(t, c.n, n, "%q", c.text)
	}
}

func TestAFailureStaysUntilReset(t *testing.T) {
	var v utf8.Validator
	_, err := v.Write([]byte("a\xff"))
	require.ErrorIs(t, err, utf8.ErrInvalid)
	require.False(t, v.Complete())

	n, err := v.Write([]byte("good"))
	require.Zero(t, n)
	require.ErrorIs(t, err, utf8.ErrInvalid)
	n, err = v.Write(nil)
	require.Zero(t, n)
	require.ErrorIs(t, err, utf8.ErrInvalid)
	require.False(t, v.Complete())

	v.Reset()
	require.True(t, v.Complete())
	n, err = v.Write([]byte("good"))
	require.NoError(t, err)
	require.Equal(t, 4, n)
}

func TestResetForgetsACharacterThatWasCutOff(t *testing.T) {
	var v utf8.Validator
	_, err := v.Write([]byte("\xe4\xbd"))
	require.NoError(t, err)
	require.False(t, v.Complete())
	v.Reset()
	require.True(t, v.Complete())
	n, err := v.Write([]byte("\xa0")) // would have completed it
	require.ErrorIs(t, err, utf8.ErrInvalid)
	require.Zero(t, n)
}

func TestEmptyPiecesChangeNothing(t *testing.T) {
	var v utf8.Validator
	for _, p := range []string{"", "\xe4", "", "\xbd", "", "\xa0", ""} {
		n, err := v.Write([]byte(p))
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
	require.True(t, v.Complete())
}

func TestAValidatorIsSmallAndDoesNotAllocate(t *testing.T) {
	var v utf8.Validator
	require.LessOrEqual(t, unsafe.Sizeof(v), uintptr(8), "one lives in every connection")
	text := []byte(strings.Repeat("你好 hello ", 100))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v.Reset()
		_, _ = v.Write(text[:500])
		_, _ = v.Write(text[500:])
	}))
	require.True(t, v.Complete())
}

func FuzzValidator(f *testing.F) {
	for _, s := range cases {
		f.Add([]byte(s), uint16(1), uint16(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, first, second uint16) {
		require.Equal(t, stdlib.Valid(text), utf8.Valid(text))
		if len(text) > 1000 {
			text = text[:1000] // the oracle is quadratic
		}
		i := int(first) % (len(text) + 1)
		j := i + int(second)%(len(text)-i+1)
		bad := firstBad(text)
		check(t, text, bad, text)
		check(t, text, bad, text[:i], text[i:j], text[j:])
	})
}

func ExampleValidator() {
	message := []byte("你好")
	var v utf8.Validator

	_, err := v.Write(message[:4]) // the first fragment ends inside a character
	fmt.Println(err, v.Complete())
	_, err = v.Write(message[4:])
	fmt.Println(err, v.Complete())

	v.Reset()
	n, err := v.Write([]byte("bad: \xed\xa0\x80"))
	fmt.Println(n, errors.Is(err, utf8.ErrInvalid))
	// Output:
	// <nil> false
	// <nil> true
	// 6 true
}

func BenchmarkValidator(b *testing.B) {
	texts := map[string]string{
		"ASCII":   "The quick brown fox jumps over the lazy dog. ",
		"Latin":   "Zwölf Boxkämpfer jagen Viktor über den Sylter Deich. ",
		"Chinese": "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。",
		"emoji":   "🚀🌍👾🎉🐙",
	}
	for _, name := range []string{"ASCII", "Latin", "Chinese", "emoji"} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", name, size), func(b *testing.B) {
				text := []byte(strings.Repeat(texts[name], size/len(texts[name])+1))[:size]
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					var v utf8.Validator
					if _, err := v.Write(text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
