// Package deflate implements permessage-deflate, the compression of WebSocket messages
// (RFC 7692): negotiation of its parameters, and the codec. It knows neither HTTP nor
// frames, and does no I/O.
//
// # Terminology
//
// DEFLATE (RFC 1951) replaces bytes that occurred before, within the LZ77 window, by
// their length and distance, and codes the result with Huffman codes. With context
// takeover the window carries over from one message to the next. It has 2^8 to 2^15
// bytes. Both endpoints may limit both, for each direction.
//
// # How is it negotiated?
//
// A client sends [Options.Offers] and checks the answer with [Options.Confirm]. A server
// tries one offer after another with [Options.Accept]. The result is [Params], from
// which each endpoint makes a [Compressor] and a [Decompressor]. All four parameters
// work in both roles. Even the smallest window is really used.
//
// # What does it cost?
//
// [Options] lists the memory that a connection keeps: by default 34 KiB once both
// windows are full, and less before. Working memory is pooled, so only as much is in
// use as there are busy connections. Once the windows have grown, no message allocates.
//
// # Concurrency
//
// Options and Params may be shared. A Compressor or a Decompressor may be used by one
// goroutine at a time. The two of a connection share nothing.
//
// # Security
//
// If a secret is compressed together with text that an attacker chooses, the size of
// the message tells the attacker whether they are alike. Without context takeover this
// is limited to what is in one message (RFC 7692, section 8).
//
// A small payload can expand to a message about a thousand times its size. A
// Decompressor writes only to the buffers it is given, so the caller decides when to
// stop. Its own memory does not depend on the input: one set of tables, and a window
// that grows with the output.
package deflate
