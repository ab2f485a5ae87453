// Package mask masks and unmasks WebSocket payloads (RFC 6455 §5.3).
//
// Every frame that a client sends carries a four-byte masking key, and byte i of its payload travels as
//
//	masked[i] = payload[i] XOR key[i mod 4]
//
// The operation is its own inverse, so one function serves both directions and both roles. A payload may be worked on
// in pieces of any length: each call takes the position of its first byte within the payload and returns the position
// that follows its last, for the next call to start from.
//
// # Security
//
// A masking key hides nothing from anybody who sees the frame. It keeps a script in a browser from choosing the bytes
// that appear on the wire (§10.3), and does so only while keys are unpredictable: draw each from crypto/rand.
//
// # Speed
//
// Whole blocks of 64 bytes are masked by vector instructions on amd64 processors that have AVX2 and on arm64. Everything
// else, and every build with the tag purego or the race detector, which sees what Go does alone, does it in Go, eight bytes
// at a time.
//
// # Concurrency
//
// The functions hold no state; calls on memory that does not overlap may run at the same time.
package mask
