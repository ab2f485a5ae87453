package conn

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"math/bits"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// counter is a source of "random" octets of which every four are different.
type counter struct {
	mu sync.Mutex
	n  uint32
}

func (c *counter) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i+4 <= len(p); i += 4 {
		binary.BigEndian.PutUint32(p[i:], c.n)
		c.n++
	}
	return len(p), nil
}

// countOctets makes crypto/rand a counter, and forgets the supplies that were made before.
func countOctets(t *testing.T) {
	random := rand.Reader
	forget := func() { keyBatches = sync.Pool{New: keyBatches.New} }
	forget()
	rand.Reader = &counter{}
	t.Cleanup(func() {
		forget()
		rand.Reader = random
	})
}

// TestNoOctetOfTheRandomSourceIsUsedTwice also shows that keys come from crypto/rand and from nowhere else: with a source
// that can be predicted, they can.
func TestNoOctetOfTheRandomSourceIsUsedTwice(t *testing.T) {
	countOctets(t)
	var mu sync.Mutex
	seen := map[uint32]bool{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := make([]byte, 4+4*(i%2)) // masking keys, and payloads of pings
			for range 3000 {
				randomOctets(p)
				mu.Lock()
				for k := 0; k < len(p); k += 4 {
					n := binary.BigEndian.Uint32(p[k:])
					if seen[n] {
						t.Errorf("%d twice", n)
					}
					seen[n] = true
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.Len(t, seen, 3000*(4+8))
}

func TestASupplyOfOctetsIsUsedToItsEnd(t *testing.T) {
	k := &keyBatch{}
	size := len(k.b)
	for _, p := range []int{4, 8} {
		require.Zero(t, size%p, "no octet of a supply is left over")
	}
}

func TestMaskingKeysLookRandom(t *testing.T) {
	const draws = 200_000
	var ones [32]int
	for range draws {
		var key [4]byte
		randomOctets(key[:])
		for v := binary.BigEndian.Uint32(key[:]); v != 0; v &= v - 1 {
			ones[bits.TrailingZeros32(v)]++
		}
	}
	for bit, n := range ones {
		require.InDelta(t, draws/2, n, draws/100, "bit %d", bit) // nine standard deviations
	}
}

// TestEveryFrameOfAClientHasAKeyOfItsOwn looks at the wire, with a source of which every key is different.
func TestEveryFrameOfAClientHasAKeyOfItsOwn(t *testing.T) {
	countOctets(t)
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(4 << 20)
		c := Client(near, nil)
		p := Prepare(Text, []byte("prepared"))
		for range 500 {
			require.NoError(t, c.Write(t.Context(), Text, []byte("the same")))
			require.NoError(t, c.Send(Text, []byte("the same")))
			require.NoError(t, c.WritePrepared(t.Context(), p))
		}
		w, err := c.Writer(t.Context(), Binary)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 5*DefaultFragmentSize))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, c.Write(t.Context(), Binary, make([]byte, 200_000)))
		require.NoError(t, c.CloseNow())
		wire, err := io.ReadAll(far)
		require.NoError(t, err)
		keys := map[[4]byte]bool{}
		frames := 0
		for len(wire) > 0 {
			h, n, err := frame.Parse(wire)
			require.NoError(t, err)
			require.True(t, h.Masked)
			keys[h.Key] = true
			frames++
			wire = wire[n+int(h.Length):]
		}
		require.Equal(t, 1500+5+1, frames)
		require.Len(t, keys, frames)
	})
}
