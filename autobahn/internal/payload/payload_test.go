package payload

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestEachKindHasItsSizeAndCompressesLikeWhatItStandsFor(t *testing.T) {
	for _, c := range []struct {
		kind      Kind
		size      int
		low, high float64 // compressed over plain
		ascii     bool
	}{
		{JSON, 194056, 0.15, 0.35, true},
		{Bitmap, 263222, 0.5, 0.9, false},
		{Prose, 222218, 0.25, 0.5, true},
		{HTML, 263647, 0.15, 0.4, false},
		{Packed, 1042328, 0.9, 1.01, false},
	} {
		d := Of(c.kind)
		require.Equal(t, c.size, len(d.bytes), c.kind)
		require.Equal(t, c.size, Size(c.kind))
		var buf bytes.Buffer
		w, err := flate.NewWriter(&buf, -1)
		require.NoError(t, err)
		_, err = w.Write(d.bytes)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		ratio := float64(buf.Len()) / float64(c.size)
		t.Logf("%s %.3f %x", c.kind, ratio, sha256.Sum256(d.bytes))
		require.True(t, ratio > c.low && ratio < c.high, "%s compresses to %.3f", c.kind, ratio)
		isASCII := !bytes.ContainsFunc(d.bytes, func(r rune) bool { return r >= utf8.RuneSelf })
		require.Equal(t, c.ascii, isASCII, c.kind)
	}
}

func TestTheDataAreTheSameInEveryRun(t *testing.T) {
	h := sha256.New()
	for _, k := range []Kind{JSON, Bitmap, Prose, HTML, Packed} {
		h.Write(Of(k).bytes)
	}
	require.Equal(t, "d080b5fafb8e9219639b5f384788c4e6de2226be11098345fb4e338b79eb0fa5", hex.EncodeToString(h.Sum(nil)))
}

func TestMessagesAreTakenFromARing(t *testing.T) {
	d := &Data{bytes: []byte("abcde")}
	require.Equal(t, "abc", string(d.Message(nil, 0, 3)))
	require.Equal(t, "dea", string(d.Message(nil, 1, 3)))
	require.Equal(t, "abcdeabcdeab", string(d.Message(nil, 0, 12)))
	h := text([]byte("aö語b"))
	require.Equal(t, 4, h.Len())
	require.Equal(t, "ö語", string(h.Message(nil, 3, 3)[:5]))
	require.Equal(t, "baö", string(h.Message(nil, 1, 3)))
}

func TestMessagesOfTheHTMLAreWholeCharacters(t *testing.T) {
	d := Of(HTML)
	require.Less(t, d.Len(), Size(HTML))
	for k := range 1000 {
		m := d.Message(nil, k, 256)
		require.True(t, utf8.Valid(m), "message %d", k)
		require.Equal(t, 256, utf8.RuneCount(m), "message %d", k)
	}
}
