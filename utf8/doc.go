// Package utf8 validates UTF-8 text that arrives in pieces (RFC 6455 §8.1, RFC 3629).
//
// A text message reaches an endpoint in fragments and in reads that may be cut inside a character. [Validator] takes
// the pieces as they come, keeps three bytes of state between them, and fails at the first byte that no valid text
// could have in its place, even if the frame around it is still arriving. [Valid] answers for a text that is whole.
//
// # What is valid
//
// RFC 3629 §4 and nothing else: no surrogates (U+D800 to U+DFFF), no overlong forms, nothing above U+10FFFF. That is
// also what the standard library's unicode/utf8 accepts.
//
// # Speed
//
// Texts of 35 bytes and more are validated 32 bytes at a time on amd64 processors that have AVX2, which is found out
// once when the program starts, and 16 bytes at a time on arm64. Everything else, and every build with the tag purego,
// leaves the work to the standard library's unicode/utf8. The answers are the same.
//
// # Concurrency
//
// A Validator belongs to one goroutine at a time, as the bytes of one message do.
package utf8
