package utf8_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	stdlib "unicode/utf8"

	"github.com/seed60239977/websocket/utf8"
)

// vocabulary is what benchmark texts are made of, words in an order without a period that a processor could learn.
var vocabulary = []struct {
	name  string
	words []string
}{
	{"ASCII", strings.SplitAfter("the quick brown fox jumps over a lazy dog and sphinx of black quartz judge my vow ", " ")},
	{"Latin", strings.SplitAfter("zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, garçon déjà vu à Nîmes ", " ")},
	{"Chinese", strings.SplitAfter("天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。寒来暑往，秋收冬藏。", "")},
	{"emoji", strings.SplitAfter("🚀🌍👾🎉🐙🥁🎻🦊🪐🍉", "")},
	{"mixed", []string{"hello ", "世界", "🚀", "café ", "Привет ", "ok ", "κόσμε ", "plain old words "}},
}

// messages returns different texts of size bytes each, 32 KiB in all unless one is larger.
func messages(words []string, size int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([][]byte, max(1, 32<<10/size))
	for i := range list {
		var text []byte
		for len(text) < size {
			text = append(text, words[random.IntN(len(words))]...)
		}
		for text = text[:size]; !stdlib.Valid(text); {
			text = text[:len(text)-1] // the character at the end does not fit
		}
		list[i] = append(text, "..."[:size-len(text)]...)
	}
	return list
}

func BenchmarkValidator(b *testing.B) {
	for _, v := range vocabulary {
		for _, size := range []int{8, 32, 64, 512, 4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", v.name, size), func(b *testing.B) {
				list := messages(v.words, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					var v utf8.Validator
					if _, err := v.Write(list[i%len(list)]); err != nil || !v.Complete() {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
