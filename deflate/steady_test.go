//go:build !race

package deflate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Pools lose things on purpose under the race detector.

func TestNoMessageAllocatesInSteadyState(t *testing.T) {
	messages := jsonStream(10, 1024)
	for _, level := range levelsToTest {
		for _, takeover := range []bool{false, true} {
			p := serverToClient(15, takeover)
			c, d := p.Compressor(true, &Options{Level: level}), p.Decompressor(false)
			payload, message := make([]byte, 0, 2048), make([]byte, 2048)
			send := func() {
				for _, m := range messages {
					payload = c.Append(payload[:0], m)
					n, _, err := d.Decompress(message, payload)
					_, done, err2 := d.Finish(message[n:])
					if n != len(m) || err != nil || err2 != nil || !done {
						require.Fail(t, "round trip")
					}
					payload = c.AppendPart(payload[:0], m[:500], false)
					payload = c.AppendPart(payload, m[500:], true)
					d.Decompress(message, payload)
					if _, _, err := d.Finish(message); err != nil {
						require.Fail(t, "parts")
					}
				}
			}
			for range 10 { // windows have grown, pools are filled
				send()
			}
			require.Zero(t, testing.AllocsPerRun(50, send), "%s, takeover %t", level, takeover)
		}
	}
}

// Whoever is reset, within a message or between two, has the memory that it gave back.
func TestNoConnectionAllocatesInSteadyState(t *testing.T) {
	m := jsonStream(1, 2000)[0]
	p := serverToClient(15, true)
	c, d := new(Compressor), new(Decompressor)
	payload, message := make([]byte, 0, 2048), make([]byte, 2048)
	use := func() {
		c.Reset(p, true, nil)
		payload = c.AppendPart(payload[:0], m[:500], false)
		first := len(payload)
		payload = c.AppendPart(payload, m[500:], true) // the window grows
		d.Reset(p, false)
		d.Decompress(message, payload[:first])
		d.Decompress(message, payload[first:])
		if _, done, err := d.Finish(message); err != nil || !done {
			require.Fail(t, "round trip")
		}
		if n, _, err := d.Decompress(message, payload[:len(payload)/2]); n == 0 || err != nil {
			require.Fail(t, "a part")
		}
	}
	for range 10 {
		use()
	}
	require.Zero(t, testing.AllocsPerRun(50, use))
}
