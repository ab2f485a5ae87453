package conn

import (
	"crypto/rand"
	"sync"
)

// keyBatch is a supply of random octets, because asking the system for four at a time would cost more than masking.
type keyBatch struct {
	b    [512]byte
	left int
}

var keyBatches = sync.Pool{New: func() any { return new(keyBatch) }}

// randomOctets fills p with octets of crypto/rand that nobody else gets: "the masking key needs to be unpredictable"
// (§5.3, §10.3). p is no longer than a batch.
func randomOctets(p []byte) {
	k := keyBatches.Get().(*keyBatch)
	if k.left < len(p) {
		rand.Read(k.b[:]) // never fails
		k.left = len(k.b)
	}
	k.left -= copy(p, k.b[len(k.b)-k.left:])
	keyBatches.Put(k)
}
