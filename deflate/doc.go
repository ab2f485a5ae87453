// Package deflate is permessage-deflate, the compression of WebSocket messages
// (RFC 7692): how its parameters are agreed, and the codec. It knows neither HTTP nor
// frames, and does no I/O.
//
// # Terminology
//
// A message goes through DEFLATE (RFC 1951): bytes that occurred before, within the
// LZ77 window, are replaced by their length and distance, and what is left by Huffman
// codes. Context takeover means that the window goes on from one message to the next;
// its size is 2^8 to 2^15 bytes. Both endpoints may limit either for each direction.
//
// # How is it agreed?
//
// A client sends [Options.Offers] and judges the answer with [Options.Confirm]; a server
// tries offer after offer with [Options.Accept]. All end with [Params], from which each
// endpoint makes a [Compressor] and a [Decompressor]. All four parameters are
// supported in both roles, and down to the smallest window, which really is used.
//
// # What does it cost?
//
// [Options] gives the memory of a connection in bytes; by default it is 34 KiB once
// both windows are full, and less before. Working memory is pooled, so that many idle
// connections share that of the few that are busy. No message allocates, once windows
// have grown.
//
// # Concurrency
//
// Options and Params may be shared. A Compressor or a Decompressor is for one goroutine
// at a time, and the two of a connection have nothing in common.
//
// # Security
//
// Compressing a secret together with what an attacker chooses tells the attacker, by
// the size of the message, whether they are alike. Without context takeover this
// concerns only what is in one message (RFC 7692, section 8).
//
// A small payload can stand for a very large message, about a thousand times its size.
// A Decompressor writes only to the buffers it is given, so that its caller decides
// when it is enough. What it holds does not depend on what comes in: a window that
// grows with what has come out, and one set of tables.
package deflate
