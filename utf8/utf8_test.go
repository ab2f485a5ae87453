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

	"github.com/seed60239977/websocket/internal/wstest"
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

// firstBad is the oracle: the index of the first byte with which p stops being the beginning of a valid text, or len(p),
// by the standard library alone.
func firstBad(p []byte) int {
	for n := 0; n < len(p); {
		r, size := stdlib.DecodeRune(p[n:])
		if r != stdlib.RuneError || size > 1 {
			n += size
			continue
		}
		for i := n; i < len(p); i++ {
			if stdlib.FullRune(p[n : i+1]) { // "an invalid encoding is considered a full rune"
				return i
			}
		}
		break // the end cuts it off
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
	checkWhole(t, text)
	var v utf8.Validator
	n, err := feed(&v, pieces...)
	if n != bad || (bad < len(text)) != (err != nil) || v.Complete() != stdlib.Valid(text) {
		require.Failf(t, "differs from the oracle", "%q in pieces %q: %d good bytes of %d, %v, complete %v",
			text, pieces, n, bad, err, v.Complete())
	}
}

// checkWhole compares what is said of a text that is whole with the oracle.
func checkWhole(t *testing.T, text []byte) {
	t.Helper()
	if want := stdlib.Valid(text); utf8.Valid(text) != want || utf8.Whole(text) != want {
		require.Failf(t, "differs from the oracle", "%q: %v, %v", text, utf8.Valid(text), utf8.Whole(text))
	}
}

// checkWithin does that for s in the midst of a text that is long enough, and far enough from ASCII, for any short cut
// there may be; n moves it around. What is before s and behind it are whole characters, so the oracle needs s alone.
func checkWithin(t *testing.T, n int, s ...byte) {
	t.Helper()
	const around = "Eine längere Übung: größer als jeder Block, und in keinem nur ASCII. Sie füllt, was übrig ist; mögen ihre " +
		"Wörter hier ändern, was nötig wäre, dort aber nichts zerstören: jedes Stück für sich prüft, was dazwischen läge."
	at := n % 150
	for !stdlib.RuneStart(around[at]) {
		at++
	}
	var text [len(around) + 8]byte
	copy(text[copy(text[:], around[:at]):], s)
	whole := append(text[:at+len(s)], around[at:]...)
	if want := stdlib.Valid(s); utf8.Valid(whole) != want || utf8.Whole(whole) != want {
		require.Failf(t, "differs from the oracle", "%q: %v, %v", whole, utf8.Valid(whole), utf8.Whole(whole))
	}
}

func TestEverySplitOfEveryCaseEqualsTheStandardLibrary(t *testing.T) {
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			text := []byte(s)
			bad := firstBad(text)
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

// background texts are what faults are put into: characters of every length, at every offset from a block's edge.
var background = map[string]string{
	"ASCII":   strings.Repeat("plain text ", 20),
	"two":     strings.Repeat("я", 110),
	"three":   "a" + strings.Repeat("世", 70),
	"four":    "ab" + strings.Repeat("🚀", 51),
	"mixture": strings.Repeat("a¢€𝄞 ", 20),
	"rare":    strings.Repeat(strings.Repeat("x", 42)+"€", 5),
}

// faults are what is put there, first bytes that need more and almost enough of it among them; the last two are none.
var faults = []string{
	"\x80", "\xc0", "\xc1", "\xc2", "\xdf", "\xff", "\xe0\x80", "\xe0\xa0", "\xe4\xbd", "\xed\xa0", "\xf5\x80",
	"\xf0\x8f", "\xf0\x90\x80", "\xf0\x9f\x9a", "\xf4\x8f\xbf", "\xf4\x90", "\xc3\x28", "\x00", "𝄞",
}

// checkFault puts a fault into a text, and compares what is said of that with the oracle.
func checkFault(t *testing.T, s string, at int, fault string) {
	t.Helper()
	text := []byte(s)
	copy(text[at:], fault)
	check(t, text, firstBad(text), text)
}

func TestEveryFaultAtEveryPositionOfEveryLengthUpTo200IsFoundWhereItIs(t *testing.T) {
	for name, s := range background {
		t.Run(name, func(t *testing.T) {
			for size := range 201 {
				for at := range size {
					checkFault(t, s[:size], at, faults[(size+at)%len(faults)])
				}
				for _, fault := range faults {
					checkFault(t, s[:size], max(0, size-len(fault)), fault)
				}
			}
		})
	}
}

func TestEverySplitOf200BytesWithAFaultAnywhereEqualsTheStandardLibrary(t *testing.T) {
	for name, s := range background {
		t.Run(name, func(t *testing.T) {
			for at := range 200 {
				text := []byte(s[:200])
				copy(text[at:], faults[at%len(faults)])
				bad := firstBad(text)
				for i := range len(text) + 1 {
					check(t, text, bad, text[:i], text[i:])
				}
			}
		})
	}
}

func TestEveryCaseAcrossALargePowerOfTwoEqualsTheStandardLibrary(t *testing.T) {
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			for at := 64<<10 - 8; at <= 64<<10; at++ {
				text := bytes.Repeat([]byte("x"), 64<<10+100)
				copy(text[at:], s)
				bad := firstBad(text)
				check(t, text, bad, text)
				check(t, text[:at+len(s)], min(bad, at+len(s)), text[:at+len(s)])
			}
		})
	}
}

func TestEveryCodePointIsValidBytewiseAndNoSurrogateIs(t *testing.T) {
	step := rune(1)
	if !wstest.All() {
		step = 17
	}
	for r := rune(0); r <= stdlib.MaxRune; r++ {
		if r > 0x10000 && r%step != 0 && r != stdlib.MaxRune { // these are all alike
			continue
		}
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
		checkWithin(t, int(r), text...)
	}
}

func TestEverySequenceOfFourByteClassesEqualsTheStandardLibrary(t *testing.T) {
	// Both ends of each range of RFC 3629 §4: every transition of the grammar, and every way out of it.
	edges := []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff")
	text := make([]byte, 4)
	for i := range len(edges) * len(edges) * len(edges) * len(edges) {
		n := i
		for j := range text {
			text[j] = edges[i%len(edges)]
			i /= len(edges)
		}
		bad := firstBad(text)
		check(t, text, bad, text)
		check(t, text, bad, text[:1], text[1:2], text[2:3], text[3:])
		checkWithin(t, n, text...)
	}
}

func TestEveryPairOfBytesWithinALongTextEqualsTheStandardLibrary(t *testing.T) {
	for n := range 1 << 16 {
		pair := []byte{byte(n >> 8), byte(n), 0x80, 0x80}
		checkWithin(t, n, pair[:2]...)
		checkWithin(t, n, pair[:3]...)
		checkWithin(t, n, pair...)
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
	require.LessOrEqual(t, int(unsafe.Sizeof(v)), 8, "one lives in every connection")
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
