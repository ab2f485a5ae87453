// Package mask masks and unmasks WebSocket payloads (RFC 6455 §5.3).
//
// Every frame that a client sends carries a four-byte masking key, and byte i of its payload travels as
//
//	masked[i] = payload[i] XOR key[i mod 4]
//
// The operation is its own inverse, so one function serves both directions and both roles. A payload may come in
// pieces of any length: each call takes the position of its first byte within the payload, and returns the position at
// which the next one starts.
//
// # Security
//
// A masking key hides nothing from anyone who sees the frame. It keeps a script in a browser from choosing the bytes
// that appear on the wire (§10.3), but only if keys are unpredictable: take each from crypto/rand.
//
// # Speed
//
// On amd64 processors with AVX2 and on arm64, vector instructions mask blocks of 64 bytes. Everywhere else it is done in
// Go, eight bytes at a time. So are all builds with the tag purego, and those with the race detector, which sees only what
// Go code does.
//
// # Concurrency
//
// The functions hold no state. They may run at the same time on memory that does not overlap.
package mask
