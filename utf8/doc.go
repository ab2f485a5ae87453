// Package utf8 validates UTF-8 text that arrives in pieces (RFC 6455 §8.1, RFC 3629).
//
// A text message arrives in fragments and reads, which may be cut inside a character. [Validator] takes the pieces as they
// come, keeps three bytes of state between them, and fails at the first byte that no valid text could have in that place,
// even while the frame around it is still arriving. [Valid] is for text that is complete.
//
// # What is valid
//
// Exactly what RFC 3629 §4 allows: no surrogates (U+D800 to U+DFFF), no overlong forms, nothing above U+10FFFF. The
// standard library's unicode/utf8 accepts the same.
//
// # Speed
//
// Text of 35 bytes or more is validated 32 bytes at a time on amd64 processors with AVX2, and 16 bytes at a time on arm64.
// Everything else, and every build with the tag purego, uses the standard library's unicode/utf8. The results are the same.
//
// # Concurrency
//
// A Validator may be used by one goroutine at a time.
package utf8
