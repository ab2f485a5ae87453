package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// decompress gives a message to d in pieces of step bytes, and takes what comes out
// in pieces of room bytes.
func decompress(d *Decompressor, payload []byte, step, room int) (message []byte, err error) {
	buf := make([]byte, room)
	for len(payload) > 0 {
		n, used, err := d.Decompress(buf, payload[:min(step, len(payload))])
		message = append(message, buf[:n]...)
		payload = payload[used:]
		if err != nil {
			return message, err
		}
		if n == 0 && used == 0 {
			panic("no progress")
		}
	}
	for {
		n, done, err := d.Finish(buf)
		message = append(message, buf[:n]...)
		if done || err != nil {
			return message, err
		}
		if n == 0 {
			panic("no progress")
		}
	}
}

// standardInflate decodes a message with the standard library, which stops at the end
// of the first stream.
func standardInflate(payload, history []byte) ([]byte, error) {
	whole := append(append([]byte{}, payload...), 0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff)
	return io.ReadAll(flate.NewReaderDict(bytes.NewReader(whole), history))
}

// requireSame is require.Equal for large slices: it prints no more than where they differ.
func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	n := 0
	for n < min(len(want), len(got)) && want[n] == got[n] {
		n++
	}
	require.Equal(t, len(want), len(got), "lengths differ; the same up to %d", n)
	require.Equal(t, len(want), n, "they differ from there on")
}

// roles are both ends' views of what the server sends.
func serverToClient(bits int, takeover bool) Params {
	return Params{ServerMaxWindowBits: bits, ServerNoContextTakeover: !takeover, ClientMaxWindowBits: maxWindowBits}
}

func clientToServer(bits int, takeover bool) Params {
	return Params{ClientMaxWindowBits: bits, ClientNoContextTakeover: !takeover, ServerMaxWindowBits: maxWindowBits}
}

var levelsToTest = []Level{Fastest, Balanced, Smallest}

// message is Compressor.compress with this encoder, the largest window and this history.
func (e *encoder) message(history *window, src []byte) []byte {
	e.begin(nil, src, &Compressor{history: *history, window: maxWindow})
	for e.next() {
		e.match()
		e.choose(e.stop - e.start)
		e.write(e.open(&e.w))
	}
	return e.finish(true)
}
