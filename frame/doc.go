// Package frame implements the wire format of RFC 6455 without any I/O: the frame header (§5.2), the rules about headers that
// need no payload to decide (§5.1, §5.4, §5.5), and the body of a close frame (§5.5.1, §7.4).
//
// # What it does, and what it leaves to others
//
// [Parse] and [Header.Append] turn bytes into headers and back. A [Checker] gets every header of one direction of a
// connection, in order, and says whether the peer was allowed to send it. [ParseClose] and [AppendClose] do the same for
// the body of a close frame. Payloads are never touched: masking is package mask, UTF-8 of messages is package utf8.
//
// # Errors
//
// Every mistake that a peer can make here is a [*ProtocolError]. It has the status code to close the connection with,
// and the section of the RFC that the peer broke. The errors are preallocated: refusing a frame costs no memory.
//
// # Concurrency
//
// Functions are safe for concurrent use. A Checker is for the goroutine that reads.
package frame
