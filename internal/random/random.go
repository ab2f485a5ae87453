// Package random hands out unpredictable bytes in small pieces: masking keys and the payloads of pings.
package random

import (
	"crypto/rand"
	"sync"
)

// batch is a supply of random bytes, because asking the system for four at a time would cost more than masking.
type batch struct {
	b    [512]byte
	left int
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// Fill fills p with bytes of crypto/rand that nobody else gets: "the masking key needs to be unpredictable" (RFC 6455
// §5.3, §10.3). p has at most 512 bytes.
func Fill(p []byte) {
	k := batches.Get().(*batch)
	if k.left < len(p) {
		rand.Read(k.b[:]) // never fails
		k.left = len(k.b)
	}
	k.left -= copy(p, k.b[len(k.b)-k.left:])
	batches.Put(k)
}
