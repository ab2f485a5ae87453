package deflate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Messages as applications send them, the same in every run.

// jsonMessage returns about size bytes of an array of records, as a feed sends them.
func jsonMessage(r *rand.Rand, size int) []byte {
	var b strings.Builder
	b.WriteString(`{"type":"update","channel":"orders","seq":`)
	fmt.Fprintf(&b, `%d,"items":[`, r.IntN(1<<30))
	for i := 0; b.Len() < size-2; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		writeRecord(&b, r)
	}
	return append([]byte(b.String()[:size-2]), "]}"...)
}

func writeRecord(b *strings.Builder, r *rand.Rand) {
	fmt.Fprintf(b, `{"id":"%08x-%04x","user":{"name":"%s %s","email":"%s@example.com"},"symbol":"%s","side":"%s","price":%d.%02d,"quantity":%d,"status":"%s","time":"2025-%02d-%02dT%02d:%02d:%02d.%03dZ","tags":["%s","%s"],"active":%t,"note":"%s"}`,
		r.Uint32(), r.IntN(1<<16), pick(r, firstNames), pick(r, lastNames), strings.ToLower(pick(r, firstNames)),
		pick(r, symbols), pick(r, []string{"buy", "sell"}), r.IntN(1000), r.IntN(100), r.IntN(500),
		pick(r, []string{"open", "filled", "cancelled", "rejected"}),
		1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000),
		pick(r, words), pick(r, words), r.IntN(2) == 0, sentence(r))
}

func sentence(r *rand.Rand) string {
	w := make([]string, 3+r.IntN(8))
	for i := range w {
		w[i] = pick(r, words)
	}
	return strings.Join(w, " ")
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

var (
	firstNames = strings.Fields("Ada Alan Barbara Claude Donald Edsger Frances Grace Hedy John Katherine Ken Margaret Niklaus Radia Tim")
	lastNames  = strings.Fields("Lovelace Turing Liskov Shannon Knuth Dijkstra Allen Hopper Lamarr Backus Johnson Thompson Hamilton Wirth Perlman Lee")
	symbols    = strings.Fields("ACME BOLT CRUX DELT ECHO FLUX GRID HALO IRIS JADE KITE LUNA")
	words      = strings.Fields("the of market order price limit ready pending delivery customer returned north south early late update partial request because shipping available window account through before after simple large small second")
)

// jsonStream returns n messages of one feed.
func jsonStream(n, size int) [][]byte {
	r := rand.New(rand.NewPCG(7, 692))
	out := make([][]byte, n)
	for i := range out {
		out[i] = jsonMessage(r, size)
	}
	return out
}

// chinese returns size bytes of UTF-8 text, three for each character.
func chinese(size int) []byte {
	const text = "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結為霜金生麗水玉出崑岡劍號巨闕珠稱夜光果珍李柰菜重芥薑海鹹河淡鱗潛羽翔"
	runes := []rune(text)
	r := rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	for b.Len() < size {
		at := r.IntN(len(runes) - 4)
		b.WriteString(string(runes[at : at+1+r.IntN(4)]))
	}
	return []byte(b.String())[:size]
}

// noise returns bytes that do not compress.
func noise(size int) []byte {
	r := rand.New(rand.NewPCG(1951, 1))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// draw returns numbers that look random, the same with every release of Go.
func draw(seed uint64) func(n int) int {
	return func(n int) int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed >> 33 % uint64(n))
	}
}

// prose returns size bytes of sentences, now and then one of those before.
func prose(size int, seed uint64) []byte {
	next := draw(seed)
	var b []byte
	for len(b) < size {
		if at := next(len(b) + 1); next(4) == 0 {
			b = append(b, b[at:min(len(b), at+next(400))]...)
			continue
		}
		for range 3 + next(8) {
			b = append(append(b, words[next(len(words))]...), ' ')
		}
		b = fmt.Appendf(b, "%d. ", next(1000))
	}
	return b[:size]
}

// skewed returns size bytes of which most are small, without many repetitions.
func skewed(size int, seed uint64) []byte {
	next := draw(seed)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(next(1 + next(1+next(256))))
	}
	return b
}
