// Package payload makes the data that the compression cases send: five kinds,
// of fixed sizes, the same in every run, and about as compressible as what they
// stand for.
package payload

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind names one of the five kinds of data.
type Kind string

// The kinds, with what they stand for.
const (
	JSON   Kind = "json"   // records of a feed, 194,056 bytes of ASCII
	Bitmap Kind = "bitmap" // an 8-bit picture with its colour table, 263,222 bytes
	Prose  Kind = "prose"  // a book, 222,218 bytes
	HTML   Kind = "html"   // a page with words beyond ASCII, 263,647 bytes
	Packed Kind = "packed" // a document whose parts are compressed already, 1,042,328 bytes
)

// Sizes in bytes.
var sizes = map[Kind]int{JSON: 194056, Bitmap: 263222, Prose: 222218, HTML: 263647, Packed: 1042328}

// Size is the number of bytes of a kind.
func Size(k Kind) int { return sizes[k] }

// Data is the text or the bytes of one kind, as a ring to take messages from.
type Data struct {
	bytes []byte
	// starts holds where each character begins, one more for the end; nil when
	// every character is one byte, or characters do not count.
	starts []int
}

// Of returns the data of a kind, made when first asked for. It is safe for
// concurrent use.
func Of(k Kind) *Data { return makers[k]() }

var makers = map[Kind]func() *Data{
	JSON:   sync.OnceValue(func() *Data { return &Data{bytes: jsonText(sizes[JSON])} }),
	Bitmap: sync.OnceValue(func() *Data { return &Data{bytes: bitmap(sizes[Bitmap])} }),
	Prose:  sync.OnceValue(func() *Data { return &Data{bytes: prose(sizes[Prose])} }),
	HTML:   sync.OnceValue(func() *Data { return text(html(sizes[HTML])) }),
	Packed: sync.OnceValue(func() *Data { return &Data{bytes: packed(sizes[Packed])} }),
}

func text(b []byte) *Data {
	d := &Data{bytes: b}
	for i := 0; i < len(b); {
		d.starts = append(d.starts, i)
		_, n := utf8.DecodeRune(b[i:])
		i += n
	}
	d.starts = append(d.starts, len(b))
	return d
}

// Len is the length of the ring, in characters for HTML, else in bytes.
func (d *Data) Len() int {
	if d.starts != nil {
		return len(d.starts) - 1
	}
	return len(d.bytes)
}

// Message appends the k-th message of n units (characters for HTML, else
// bytes) to dst: the ring from position k*n on.
func (d *Data) Message(dst []byte, k, n int) []byte {
	at := k * n % d.Len()
	for n > 0 {
		part := min(n, d.Len()-at)
		dst = append(dst, d.slice(at, at+part)...)
		n -= part
		at = 0
	}
	return dst
}

func (d *Data) slice(from, to int) []byte {
	if d.starts != nil {
		from, to = d.starts[from], d.starts[to]
	}
	return d.bytes[from:to]
}

func source(k Kind) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(sizes[k]), 6455))
}

// words makes a vocabulary whose words are pronounceable, the first ones short.
func words(r *rand.Rand, n int) []string {
	const consonants, vowels = "bcdfghklmnprstvw", "aeiou"
	made := make([]string, n)
	for i := range made {
		var b strings.Builder
		for range 1 + r.IntN(2+min(i/40, 3)) {
			b.WriteByte(consonants[r.IntN(len(consonants))])
			b.WriteByte(vowels[r.IntN(len(vowels))])
			if r.IntN(3) == 0 {
				b.WriteByte("nrstl"[r.IntN(5)])
			}
		}
		made[i] = b.String()
	}
	return made
}

// pick prefers the words in front, as languages do.
func pick(r *rand.Rand, words []string) string {
	f := r.Float64()
	return words[int(f*f*f*f*float64(len(words)))]
}

func jsonText(size int) []byte {
	r := source(JSON)
	vocabulary := words(r, 1500)
	b := make([]byte, 0, size+400)
	b = append(b, `{"items":[`...)
	for i := 0; len(b) < size; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d,"created":"2012-0%d-%02dT%02d:%02d:%02dZ","author":{"id":%d,"name":"%s %s","active":%t},"score":%.4f,"text":"`,
			100000+i*37, 1+r.IntN(9), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6), pick(r, vocabulary), pick(r, vocabulary), r.IntN(2) == 0, r.Float64())
		for range 4 + r.IntN(9) {
			b = append(append(b, pick(r, vocabulary)...), ' ')
		}
		b = append(b, `","tags":["`...)
		b = append(append(b, pick(r, vocabulary)...), `"]}`...)
	}
	return b[:size]
}

func prose(size int) []byte {
	r := source(Prose)
	vocabulary := words(r, 4000)
	b := make([]byte, 0, size+100)
	column := 0
	for len(b) < size {
		length := 5 + r.IntN(18)
		for i := range length {
			w := pick(r, vocabulary)
			if i == 0 {
				w = strings.ToUpper(w[:1]) + w[1:]
			}
			if i == length-1 {
				w += string(".,;.?!."[r.IntN(7)])
			}
			if column += len(w) + 1; column > 72 {
				b = append(b, "\r\n"...)
				column = len(w) + 1
			}
			b = append(append(b, w...), ' ')
		}
	}
	return b[:size]
}

func html(size int) []byte {
	r := source(HTML)
	vocabulary := words(r, 2500)
	beyond := []string{"Größe", "naïve", "café", "日本語", "Ελληνικά", "русский", "français", "señor", "한국어", "“so”", "—", "…"}
	b := make([]byte, 0, size+600)
	b = append(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Notes</title></head>\n<body>\n"...)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "<div class=\"entry\" id=\"e%d\">\n  <h2><a href=\"/notes/%d\">%s</a></h2>\n  <p>", i, r.IntN(1e5), pick(r, vocabulary))
		for range 10 + r.IntN(30) {
			w := pick(r, vocabulary)
			if r.IntN(12) == 0 {
				w = beyond[r.IntN(len(beyond))]
			}
			b = append(append(b, w...), ' ')
		}
		b = append(b, "</p>\n</div>\n"...)
	}
	return wholeRunes(b, size)
}

// wholeRunes cuts b to size bytes; a character that the cut would split gives
// way to spaces.
func wholeRunes(b []byte, size int) []byte {
	at := size
	for at > 0 && !utf8.RuneStart(b[at]) {
		at--
	}
	for b = b[:at]; len(b) < size; {
		b = append(b, ' ')
	}
	return b
}

// bitmap is a picture of soft shapes with a little grain: neighbours are alike
// and seldom equal, so that it compresses poorly.
func bitmap(size int) []byte {
	const header, side = 1078, 512
	r := source(Bitmap)
	b := make([]byte, 0, size)
	b = append(b, "BM"...)
	for len(b) < 54 {
		b = append(b, byte(size>>(8*(len(b)%4))))
	}
	for i := 0; len(b) < header; i++ {
		b = append(b, byte(i), byte(i), byte(i), 0)
	}
	for i := 0; len(b) < size; i++ {
		x, y := i%side, i/side
		v := 90 + (x*x+y*y*3)/9000 + 40*((x/97+y/61)%3) + r.IntN(11) - r.IntN(11)
		b = append(b, byte(min(max(v, 0), 255)))
	}
	return b[:size]
}

// packed is a document of objects with short clear heads and bodies that look
// random, as compressed ones do.
func packed(size int) []byte {
	r := source(Packed)
	b := make([]byte, 0, size+9000)
	b = append(b, "%DOC-1.4\n"...)
	for i := 1; len(b) < size; i++ {
		n := 2000 + r.IntN(6000)
		b = append(b, strconv.Itoa(i)+" 0 obj\n<< /Length "+strconv.Itoa(n)+" /Filter /Packed >>\nstream\n"...)
		for range n {
			b = append(b, byte(r.Uint32()))
		}
		b = append(b, "\nendstream\nendobj\n"...)
	}
	return b[:size]
}
