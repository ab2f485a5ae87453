package deflate

import (
	"bytes"
	stdflate "compress/flate"
	"fmt"
	"io"
	"testing"

	kpflate "github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/bench/load"
	"github.com/seed60239977/websocket/deflate"
)

// compressor appends a message's payload (RFC 7692, section 7.2.1).
type compressor func(dst, message []byte) []byte

// decompressor inflates a payload into dst, which has room for just the message.
type decompressor func(dst, payload []byte) error

type codec struct {
	name         string
	compressor   func(takeover bool) compressor
	decompressor func() decompressor // without takeover
}

func codecs() []codec {
	return []codec{
		{"own/fastest", ownCompressor(deflate.Fastest), ownDecompressor},
		{"own/balanced", ownCompressor(deflate.Balanced), nil},
		{"own/smallest", ownCompressor(deflate.Smallest), nil},
		{"klauspost/1", writerCompressor(func(w io.Writer) flusher { return must(kpflate.NewWriter(w, 1)) }), klauspostDecompressor},
		{"klauspost/stateless", klauspostStateless, nil},
		{"std/1", writerCompressor(func(w io.Writer) flusher { return must(stdflate.NewWriter(w, 1)) }), stdDecompressor},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the levels are valid
	}
	return v
}

func params(takeover bool) deflate.Params {
	return deflate.Params{ServerNoContextTakeover: !takeover, ClientNoContextTakeover: !takeover}
}

func ownCompressor(l deflate.Level) func(bool) compressor {
	return func(takeover bool) compressor {
		return params(takeover).Compressor(true, &deflate.Options{Level: l}).Append
	}
}

func ownDecompressor() decompressor {
	d := params(false).Decompressor(false)
	var tail [64]byte
	return func(dst, payload []byte) error {
		n, used, err := d.Decompress(dst, payload)
		if err != nil {
			return err
		}
		if used < len(payload) { // what is left has no output, only the end of the block
			if _, _, err := d.Decompress(tail[:], payload[used:]); err != nil {
				return err
			}
		}
		for done := false; !done; {
			var more int
			if more, done, err = d.Finish(tail[:]); err != nil || n+more > len(dst) {
				return fmt.Errorf("%d bytes too many: %w", more, err)
			}
		}
		return nil
	}
}

type flusher interface {
	io.Writer
	Flush() error
	Reset(io.Writer)
}

// writerCompressor uses a writer as the servers of other libraries do: reset for each message, or never with takeover.
func writerCompressor(make func(io.Writer) flusher) func(bool) compressor {
	return func(takeover bool) compressor {
		var out bytes.Buffer
		w := make(&out)
		return func(dst, message []byte) []byte {
			out.Reset()
			if !takeover {
				w.Reset(&out)
			}
			w.Write(message)
			w.Flush()
			return append(dst, out.Bytes()[:out.Len()-4]...)
		}
	}
}

// klauspostStateless holds nothing between messages. Its takeover would be the caller's to manage.
func klauspostStateless(takeover bool) compressor {
	if takeover {
		return nil
	}
	var out bytes.Buffer
	return func(dst, message []byte) []byte {
		out.Reset()
		if err := kpflate.StatelessDeflate(&out, message, false, nil); err != nil {
			panic(err) // a buffer takes everything
		}
		return append(dst, bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})...)
	}
}

var tail = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

func stdDecompressor() decompressor {
	r := stdflate.NewReader(nil)
	return readerDecompressor(r, func(src io.Reader) error { return r.(stdflate.Resetter).Reset(src, nil) })
}

func klauspostDecompressor() decompressor {
	r := kpflate.NewReader(nil)
	return readerDecompressor(r, func(src io.Reader) error { return r.(kpflate.Resetter).Reset(src, nil) })
}

func readerDecompressor(r io.Reader, reset func(io.Reader) error) decompressor {
	var joined []byte
	var src bytes.Reader
	return func(dst, payload []byte) error {
		joined = append(append(joined[:0], payload...), tail...)
		src.Reset(joined)
		if err := reset(&src); err != nil {
			return err
		}
		_, err := io.ReadFull(r, dst)
		return err
	}
}

type corpus struct {
	name     string
	messages [][]byte
}

func corpora() []corpus {
	var chinese, compressed [][]byte
	for i := range 16 { // of different lengths, which makes them different texts
		chinese = append(chinese, load.Chinese(4<<10-3*i))
		compressed = append(compressed, load.Binary(4<<10-i))
	}
	return []corpus{
		{"json=1KiB", load.JSON(64, 1<<10)},
		{"json=16KiB", load.JSON(16, 16<<10)},
		{"chinese=4KiB", chinese},
		{"compressed=4KiB", compressed},
	}
}

func TestEveryCodecDecompressesWhatEveryCodecCompressed(t *testing.T) {
	for _, from := range codecs() {
		for _, to := range codecs() {
			if to.decompressor == nil {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				compress, decompress := from.compressor(false), to.decompressor()
				for _, c := range corpora() {
					for _, m := range c.messages {
						got := make([]byte, len(m))
						require.NoError(t, decompress(got, compress(nil, m)), c.name)
						require.Equal(t, m, got, c.name)
					}
				}
			})
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		for _, c := range corpora() {
			for _, codec := range codecs() {
				compress := codec.compressor(takeover)
				if compress == nil {
					continue
				}
				b.Run(fmt.Sprintf("takeover=%t/%s/%s", takeover, c.name, codec.name), func(b *testing.B) {
					benchCompress(b, c.messages, compress)
				})
			}
		}
	}
}

func benchCompress(b *testing.B, messages [][]byte, compress compressor) {
	var payload []byte
	in, out, i := 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		m := messages[i%len(messages)]
		payload = compress(payload[:0], m)
		in += len(m)
		out += len(payload)
		i++
	}
	b.SetBytes(int64(len(messages[0])))
	b.ReportMetric(float64(out)/float64(in), "ratio")
}

func BenchmarkDecompress(b *testing.B) {
	compress := ownCompressor(deflate.Fastest)(false)
	for _, c := range corpora() {
		var payloads [][]byte
		for _, m := range c.messages {
			payloads = append(payloads, compress(nil, m))
		}
		for _, codec := range codecs() {
			if codec.decompressor == nil {
				continue
			}
			b.Run(c.name+"/"+codec.name, func(b *testing.B) {
				decompress := codec.decompressor()
				dst := make([]byte, len(c.messages[0]))
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					at := i % len(payloads)
					if err := decompress(dst[:len(c.messages[at])], payloads[at]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.SetBytes(int64(len(c.messages[0])))
			})
		}
	}
}
