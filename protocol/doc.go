// Package protocol is one end of a WebSocket connection without I/O: bytes in, events out; messages in, bytes out. It is RFC
// 6455 from §5 to §8 with permessage-deflate (RFC 7692), once the opening handshake is done.
//
// It uses no goroutine, lock, clock, context or network. Time is passed in as an argument, and deadlines are returned as
// values. So anything that moves bytes can drive it: goroutines that block (as in package conn), an event loop, a simulator, a
// fuzzer, a proxy. Most programs want package websocket instead.
//
// This package is experimental: a minor version may change it.
//
// # How do I drive it?
//
// With three parts that know nothing of each other:
//
//   - [Receiver] turns bytes that have arrived into events. Call [Receiver.Next] until it needs more bytes.
//   - [Sender] turns messages and control frames into bytes. Call [Sender.Take], write what [Sender.Pending] returns, and
//     say with [Sender.Sent] how much of it went out.
//   - [Closing] knows how far the connection is on its way from open to closed. Tell it of close frames, errors and time, and
//     do what [Closing.Step] says.
//
// The driver passes on what concerns another part: a ping that arrives to [Sender.Answer]; a close frame that arrives to
// [Closing.Received] and, if that says so, its echo to [Sender.Close]; an error of the Receiver to [Closing.Violated], and what
// that returns to Sender.Close. The example of this package is a whole driver for a net.Conn.
//
// [Heartbeat] says when to ping and when a peer is gone.
//
// # Who owns which bytes?
//
// Data passed to a Sender may be changed as soon as the call returns, except with [Sender.Through]. What Pending returns
// belongs to the Sender and is valid until Sent. Bytes passed to a Receiver are unmasked in place, and events refer to them, so
// events are valid as long as these bytes are. Compressed messages are decompressed to where [Receiver.SetOutput] says.
//
// # What may be called at the same time?
//
// A Receiver may be used by one goroutine at a time, but for SetLimit, and so may a Closing. A Sender has three parts, each of
// which may be used by a different goroutine. The values of this package share nothing with each other, and connections share
// nothing but [Encoded] messages.
//
// # What does a peer's mistake look like?
//
// It is an error of Next, which is final: *[frame.ProtocolError], *[deflate.CorruptError], [ErrInvalidUTF8], [ErrMessageTooBig],
// [ErrTooManyFragments]. [Violation] has the code that the RFC names for each.
//
// # Where is what?
//
//	receiver.go   frames, limits, UTF-8: bytes to events (§5, §8.1)
//	inflate.go    compressed messages, on their way in
//	sender.go     messages and control frames to bytes: the queue
//	pack.go       compressed messages, on their way out
//	pong.go       the answers to pings, and to too many (§5.5.3)
//	writing.go    what is being written; payloads that are not copied
//	closing.go    the closing handshake, and every other end (§7)
//	heartbeat.go  when to ping, and when a peer is gone
//	options.go, message.go, errors.go, closeerror.go: the words that these use
package protocol
