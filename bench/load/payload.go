package load

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Binary returns n bytes that do not compress.
func Binary(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// ASCII returns n bytes of English-like text.
func ASCII(n int) []byte {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))] + " ")
	}
	return []byte(b.String()[:n])
}

// Chinese returns n bytes of text (n is rounded down to whole characters of three bytes).
func Chinese(n int) []byte {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	var b strings.Builder
	for b.Len()+3 <= n {
		b.WriteRune(characters[r.IntN(len(characters))])
	}
	return []byte(b.String())
}

// JSON returns messages of n bytes each, which are alike but not the same.
func JSON(count, n int) [][]byte {
	r := rand.New(rand.NewPCG(4, uint64(n)))
	out := make([][]byte, count)
	for i := range out {
		var b strings.Builder
		fmt.Fprintf(&b, `{"event":"update","sequence":%d,"rows":[`, 100000+i)
		for b.Len() < n {
			fmt.Fprintf(&b, `{"id":%d,"name":"%s %s","price":%d.%02d,"quantity":%d,"open":%t,"note":"%s %s %s"},`,
				r.IntN(1_000_000), pick(r), pick(r), r.IntN(500), r.IntN(100), r.IntN(1000), r.IntN(2) == 0, pick(r), pick(r), pick(r))
		}
		out[i] = append([]byte(b.String()[:n-3]), `"]}`...)
	}
	return out
}

// Deflate compresses a message without context (RFC 7692, section 7.2.1), at the usual level.
func Deflate(message []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	w.Write(message)
	w.Flush()
	return b.Bytes()[:b.Len()-4]
}

func pick(r *rand.Rand) string { return words[r.IntN(len(words))] }

var (
	words      = strings.Fields("amber brisk copper dawn ember fallow garnet harbor indigo jasper kindle lantern meadow nimbus orchard pebble quarry ripple saffron timber umber velvet willow yonder zephyr")
	characters = []rune("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結為霜")
)
