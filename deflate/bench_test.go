package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// benchMessages are streams of messages, longer than any window.
func benchMessages() []struct {
	name     string
	messages [][]byte
} {
	cut := func(data []byte, n int) (out [][]byte) {
		for i := range n {
			out = append(out, data[i*len(data)/n:(i+1)*len(data)/n])
		}
		return out
	}
	return []struct {
		name     string
		messages [][]byte
	}{
		{"json=128", jsonStream(1000, 128)},
		{"json=1KiB", jsonStream(200, 1<<10)},
		{"json=16KiB", jsonStream(20, 16<<10)},
		{"chinese=4KiB", cut(chinese(40<<12), 40)},
		{"noise=4KiB", cut(noise(40<<12), 40)},
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		for _, m := range benchMessages() {
			for _, level := range levelsToTest {
				b.Run(fmt.Sprintf("takeover=%t/%s/%s", takeover, m.name, level), func(b *testing.B) {
					c := serverToClient(15, takeover).Compressor(true, &Options{Level: level})
					benchCompress(b, m.messages, c.Append)
				})
			}
			b.Run(fmt.Sprintf("takeover=%t/%s/std1", takeover, m.name), func(b *testing.B) {
				var out bytes.Buffer
				w, err := flate.NewWriter(&out, flate.BestSpeed)
				if err != nil {
					b.Fatal(err)
				}
				benchCompress(b, m.messages, func(dst, message []byte) []byte {
					out.Reset()
					if !takeover {
						w.Reset(&out)
					}
					w.Write(message)
					w.Flush()
					return append(dst, out.Bytes()[:out.Len()-4]...)
				})
			})
		}
	}
}

func benchCompress(b *testing.B, messages [][]byte, compress func(dst, message []byte) []byte) {
	var payload []byte
	in, out, i := 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		message := messages[i%len(messages)]
		payload = compress(payload[:0], message)
		in += len(message)
		out += len(payload)
		i++
	}
	b.SetBytes(int64(len(messages[0])))
	b.ReportMetric(float64(out)/float64(in), "ratio")
}

func BenchmarkDecompress(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		for _, m := range benchMessages() {
			p := serverToClient(15, takeover)
			c := p.Compressor(true, &Options{})
			var payloads, histories [][]byte
			h := newWindow(15)
			for _, message := range m.messages {
				payloads = append(payloads, c.Append(nil, message))
				histories = append(histories, h.appendTo(nil))
				if takeover {
					h.write(message)
				}
			}
			buf := make([]byte, len(m.messages[0])+fastRoom)
			b.Run(fmt.Sprintf("takeover=%t/%s/own", takeover, m.name), func(b *testing.B) {
				d := p.Decompressor(false)
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if i == len(payloads) { // the stream begins anew
						d, i = p.Decompressor(false), 0
					}
					n, _, err := d.Decompress(buf, payloads[i])
					if err != nil {
						b.Fatal(err)
					}
					if _, _, err := d.Finish(buf[n:]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.SetBytes(int64(len(m.messages[0])))
			})
			b.Run(fmt.Sprintf("takeover=%t/%s/std", takeover, m.name), func(b *testing.B) {
				r := flate.NewReader(nil)
				var in bytes.Reader
				var joined []byte
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					at := i % len(payloads)
					joined = append(append(joined[:0], payloads[at]...), syncTail...)
					in.Reset(joined)
					if err := r.(flate.Resetter).Reset(&in, histories[at]); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(r, buf[:len(m.messages[at])]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.SetBytes(int64(len(m.messages[0])))
			})
		}
	}
}

// BenchmarkConnections reports the memory that a connection's compressor and
// decompressor hold when 1000 connections idle after 64 KiB each way.
func BenchmarkConnections(b *testing.B) {
	messages := jsonStream(64, 1<<10)
	for _, level := range levelsToTest {
		for _, bits := range []int{15, 12, 8, 0} {
			name := fmt.Sprintf("%s/bits=%d", level, bits)
			if bits == 0 {
				name = fmt.Sprintf("%s/notakeover", level)
			}
			b.Run(name, func(b *testing.B) {
				p := Params{bits == 0, bits == 0, bits, bits}
				var perConnection float64
				for b.Loop() {
					perConnection = float64(heldBy(1000, p, level, messages)) / 1000
				}
				b.ReportMetric(perConnection, "B/conn")
			})
		}
	}
}

func heldBy(n int, p Params, level Level, messages [][]byte) uint64 {
	type connection struct {
		c *Compressor
		d *Decompressor
	}
	var before, after runtime.MemStats
	connections := make([]connection, n)
	buf := make([]byte, 2048)
	runtime.GC()
	runtime.GC() // pools keep what they have for one collection more
	runtime.ReadMemStats(&before)
	for i := range connections {
		server, client := connection{p.Compressor(true, &Options{Level: level}), p.Decompressor(true)}, p.Compressor(false, nil)
		for _, m := range messages {
			server.c.Append(buf[:0], m)
			n, _, err := server.d.Decompress(buf, client.Append(nil, m))
			if err != nil {
				panic(err)
			}
			if _, _, err := server.d.Finish(buf[n:]); err != nil {
				panic(err)
			}
		}
		connections[i] = server
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(connections)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
}
