package random

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// counter is a source of "random" bytes of which every four are different.
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

// count makes crypto/rand a counter, and forgets the supplies that were made before.
func count(t *testing.T) {
	before := rand.Reader
	forget := func() { batches = sync.Pool{New: batches.New} }
	forget()
	rand.Reader = &counter{}
	t.Cleanup(func() {
		forget()
		rand.Reader = before
	})
}

// TestNoByteOfTheRandomSourceIsUsedTwice also shows that keys come from crypto/rand and from nowhere else: with a source
// that can be predicted, they can.
func TestNoByteOfTheRandomSourceIsUsedTwice(t *testing.T) {
	count(t)
	var mu sync.Mutex
	seen := map[uint32]bool{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := make([]byte, 4+4*(i%2)) // masking keys, and payloads of pings
			for range 3000 {
				Fill(p)
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

func TestASupplyIsUsedToItsEnd(t *testing.T) {
	size := len(batch{}.b)
	for _, p := range []int{4, 8} {
		require.Zero(t, size%p, "no byte of a supply is left over")
	}
}

func TestKeysLookRandom(t *testing.T) {
	const draws = 200_000
	var ones [32]int
	for range draws {
		var key [4]byte
		Fill(key[:])
		for v := binary.BigEndian.Uint32(key[:]); v != 0; v &= v - 1 {
			ones[bits.TrailingZeros32(v)]++
		}
	}
	for bit, n := range ones {
		require.InDelta(t, draws/2, n, draws/100, "bit %d", bit) // nine standard deviations
	}
}
